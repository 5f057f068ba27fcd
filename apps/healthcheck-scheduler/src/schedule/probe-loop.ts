import { setTimeout as pause } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config';
import { HealthRecords } from '../health/health-records';
import { NodeProbe } from '../probes/node-probe';
import { Targets } from '../targets/targets';
import { type Claim, Claims } from './claims';

/** Upper bound of the wait for a new node's first probe. Any replica may add a node at any time. */
const longestPauseMs = 1_000;
const afterErrorMs = 1_000;

/** Probes every due node, with bounded concurrency. A node that hangs occupies one slot until the timeout. */
@Injectable()
export class ProbeLoop implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('ProbeLoop');
  private readonly stop = new AbortController();
  private readonly running = new Set<Promise<void>>();
  /** By cluster and node. Kept between probes, because each has circuit breakers. */
  private readonly probes = new Map<string, NodeProbe>();
  private loop: Promise<void> = Promise.resolve();

  constructor(
    private readonly claims: Claims,
    private readonly targets: Targets,
    private readonly records: HealthRecords,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.loop = this.run();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.loop;
    await Promise.all(this.running);
  }

  private async run(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      const waitMs = await this.turn().catch((error: unknown) => {
        this.logger.warn(`Nodes that are due could not be taken: ${String(error)}`);
        return afterErrorMs;
      });
      await pause(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Starts as many probes as there are free slots. Returns how long to wait before the next call. */
  private async turn(): Promise<number> {
    const room = this.config.PGFLEET_PROBE_CONCURRENCY - this.running.size;
    if (room === 0) {
      await Promise.race(this.running);
      return 0;
    }
    const { clusterIds } = this.targets;
    const claims = await this.claims.take(clusterIds, room);
    for (const claim of claims) this.begin(claim);
    if (claims.length === room) return 0;
    const { nextInMs, othersWait } = await this.claims.outlook(clusterIds);
    if (othersWait) this.targets.refresh();
    return Math.max(10, Math.min(nextInMs ?? longestPauseMs, longestPauseMs));
  }

  private begin(claim: Claim): void {
    const work = this.probe(claim)
      .catch((error: unknown) =>
        this.logger.warn(`The probe of ${claim.name} could not be written down: ${String(error)}`),
      )
      .finally(() => this.running.delete(work));
    this.running.add(work);
  }

  private async probe(claim: Claim): Promise<void> {
    const cluster = this.targets.find(claim.clusterId);
    if (!cluster) return;
    const { database, password, customer } = cluster;
    const nodes = cluster.nodes.map(({ name }) => name);
    const { name, address } = claim;
    const result = await this.probeOf(claim).run({ name, address, database, password, customer, nodes });
    await this.records.record(claim, result);
  }

  private probeOf({ clusterId, name, address }: Claim): NodeProbe {
    const key = `${clusterId} ${name}`;
    const known = this.probes.get(key);
    if (known?.address === address) return known;
    const probe = new NodeProbe(address, {
      timeoutMs: this.config.PGFLEET_PROBE_TIMEOUT_MS,
      maxLagBytes: this.config.PGFLEET_MAX_LAG_BYTES,
      authority: this.config.PGFLEET_CLUSTERS_CA_FILE,
    });
    this.forgetGone();
    this.probes.set(key, probe);
    return probe;
  }

  private forgetGone(): void {
    for (const key of this.probes.keys()) {
      const [clusterId = '', name] = key.split(' ');
      const cluster = this.targets.find(clusterId);
      if (!cluster?.nodes.some((node) => node.name === name)) this.probes.delete(key);
    }
  }
}
