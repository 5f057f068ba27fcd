import type { HealthCheck } from '@pgfleet/contracts';
import { Outside } from '@pgfleet/observability';
import { PatroniRest } from '@pgfleet/patroni';
import { judgePatroni, judgeReplication, judgeSql } from './checks';
import { isInRecovery } from './sql-probe';

const patroniPort = 8008;
const poolerPort = 6433;
const monitor = 'pgfleet_monitor';

export interface NodeTarget {
  name: string;
  address: string;
  database: string;
  password: string;
  /** Every node of the cluster. */
  nodes: readonly string[];
}

export interface ProbeLimits {
  timeoutMs: number;
  maxLagBytes: number;
  authority: string;
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

/** Node's fetch hides the reason in `cause`; a refused connection to several addresses is an AggregateError without a message. */
const reason = (error: unknown): string => {
  const { message, cause, code } = error as { message?: string; cause?: unknown; code?: string };
  const inner = cause ? reason(cause) : '';
  return (inner || message || code || String(error)).slice(0, 300);
};

/** The questions to one node. It has breakers of its own: a node that is gone says nothing about the others. */
export class NodeProbe {
  private readonly patroni: Outside;
  private readonly pooler: Outside;
  private readonly rest: PatroniRest;

  constructor(
    readonly address: string,
    private readonly limits: ProbeLimits,
  ) {
    const { timeoutMs } = limits;
    this.patroni = new Outside('patroni', { timeoutMs });
    this.pooler = new Outside('pgbouncer', { timeoutMs });
    this.rest = new PatroniRest(`http://${address}:${patroniPort}`);
  }

  /** Asks everything at once; never rejects, and takes little longer than the timeout. */
  async run(target: NodeTarget): Promise<HealthCheck[]> {
    const { authority, maxLagBytes } = this.limits;
    const { address, database, password } = target;
    const login = { address, port: poolerPort, database, user: monitor, password, authority };
    const [status, cluster, recovery] = await Promise.all([
      timed(this.patroni.call('status', (signal) => this.rest.status(signal))),
      timed(this.patroni.call('cluster', (signal) => this.rest.cluster(signal))),
      timed(this.pooler.call('in_recovery', (signal) => isInRecovery(login, signal))),
    ]);
    const failed = (error: string | null) => ({ ok: false, detail: error ?? 'no answer' });
    return [
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
          : judgeSql(recovery.value, status.value?.role ?? null)),
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
    ];
  }
}
