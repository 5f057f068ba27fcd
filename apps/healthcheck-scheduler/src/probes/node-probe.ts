import type { HealthCheck, HealthState } from '@pgfleet/contracts';
import { Outside } from '@pgfleet/observability';
import { PatroniRest } from '@pgfleet/patroni';
import { agentReport } from './agent-report';
import { isCertain, judgeDisk, judgePatroni, judgePools, judgeReplication, judgeSql } from './checks';
import { readPools } from './pool-probe';
import type { Customer } from './customer-notices';
import { askNode } from './sql-probe';

const patroniPort = 8008;
const poolerPort = 6433;
/** Ports of the pooler to the leader and of the pooler to the node itself. */
const poolerPorts = [6432, poolerPort];
const monitor = 'pgfleet_monitor';

export interface NodeTarget {
  name: string;
  address: string;
  database: string;
  password: string;
  /** The customer's database and its owner. Missing while an earlier release of cluster-service answers. */
  customer?: Customer | undefined;
  /** All nodes of the cluster. */
  nodes: readonly string[];
}

export interface ProbeLimits {
  timeoutMs: number;
  maxLagBytes: number;
  authority: string;
}

export interface ProbeResult {
  checks: HealthCheck[];
  /** The state of the node by this probe alone. */
  seen: Exclude<HealthState, 'unknown'>;
  /** Null if the node did not answer. */
  notices: string[] | null;
  /** Whether one probe is enough to change the state. */
  certain: boolean;
}

interface Timed<T> {
  value: T | null;
  error: string | null;
  milliseconds: number;
}

const timed = async <T>(work: Promise<T>): Promise<Timed<T>> => {
  const began = performance.now();
  const milliseconds = () => Math.round(performance.now() - began);
  try {
    return { value: await work, error: null, milliseconds: milliseconds() };
  } catch (error) {
    return { value: null, error: reason(error), milliseconds: milliseconds() };
  }
};

/** Node's fetch hides the reason in `cause`. A refused connection to several addresses is an AggregateError without a message. */
const reason = (error: unknown): string => {
  const { message, cause, code } = error as { message?: string; cause?: unknown; code?: string };
  const inner = cause ? reason(cause) : '';
  return (inner || message || code || String(error)).slice(0, 300);
};

/** Probes one node. Each node has its own circuit breakers, because a lost node says nothing about the others. */
export class NodeProbe {
  private readonly patroni: Outside;
  private readonly pooler: Outside;
  private readonly agent: Outside;
  private readonly rest: PatroniRest;

  constructor(
    readonly address: string,
    private readonly limits: ProbeLimits,
  ) {
    const { timeoutMs } = limits;
    this.patroni = new Outside('patroni', { timeoutMs });
    this.pooler = new Outside('pgbouncer', { timeoutMs });
    this.agent = new Outside('node-agent', { timeoutMs });
    this.rest = new PatroniRest(`http://${address}:${patroniPort}`);
  }

  /** Sends all requests in parallel. Never rejects, and takes little longer than the timeout. */
  async run(target: NodeTarget): Promise<ProbeResult> {
    const { authority, maxLagBytes } = this.limits;
    const { address, database, password } = target;
    const login = { address, port: poolerPort, database, user: monitor, password, authority };
    const [status, cluster, recovery, pools, report] = await Promise.all([
      timed(this.patroni.call('status', (signal) => this.rest.status(signal))),
      timed(this.patroni.call('cluster', (signal) => this.rest.cluster(signal))),
      timed(this.pooler.call('in_recovery', (signal) => askNode(login, target.customer, signal))),
      timed(
        this.pooler.call('show_pools', (signal) =>
          Promise.all(poolerPorts.map((port) => readPools({ ...login, port }, signal))),
        ),
      ),
      timed(this.agent.call('status', (signal) => agentReport(address, signal))),
    ]);
    const failed = (error: string | null) => ({ ok: false, detail: error ?? 'no answer' });
    const disk = judgeDisk(report.value?.disk ?? null);
    const poolCheck: HealthCheck = {
      name: 'pools',
      milliseconds: pools.milliseconds,
      ...(pools.value ? judgePools(pools.value.flat()) : failed(pools.error)),
    };
    const checks: HealthCheck[] = [
      {
        name: 'patroni',
        milliseconds: status.milliseconds,
        ...(status.value ? judgePatroni(status.value) : failed(status.error)),
      },
      {
        name: 'sql',
        milliseconds: recovery.milliseconds,
        ...(recovery.value === null
          ? failed(recovery.error)
          : judgeSql(recovery.value.inRecovery, status.value?.role ?? null)),
      },
      {
        name: 'replication',
        milliseconds: cluster.milliseconds,
        ...(status.value && cluster.value
          ? judgeReplication({
              status: status.value,
              cluster: cluster.value,
              nodes: target.nodes,
              maxLagBytes,
            })
          : failed('unknown: Patroni does not tell')),
      },
      poolCheck,
      { name: 'disk', milliseconds: report.milliseconds, ...disk },
    ];
    const failures = checks.filter(({ ok }) => !ok);
    const saturated = pools.value !== null && failures.length === 1 && failures[0] === poolCheck;
    const seen = failures.length === 0 ? 'healthy' : saturated ? 'saturated' : 'unhealthy';
    const certain = isCertain(status.value, disk);
    return { checks, seen, notices: recovery.value?.notices ?? null, certain };
  }
}
