import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { listProbeTargets, type RequestOutput } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../config';

type ClusterTarget = RequestOutput<typeof listProbeTargets>[number];

const retryMs = 1_000;
/** Must be shorter than the time that a session may idle in a transaction. */
const answerWithinMs = 3_000;

/**
 * The nodes to probe, from cluster-service. The list of nodes is in a table that all replicas of this service share. Passwords stay in
 * memory only.
 */
@Injectable()
export class Targets implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Targets');
  private clusters = new Map<string, ClusterTarget>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | null = null;
  private wanted = false;
  private stopped = false;

  constructor(
    private readonly database: DataSource,
    private readonly requester: Requester,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.refresh();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** The clusters whose passwords this process has. */
  get clusterIds(): string[] {
    return [...this.clusters.keys()];
  }

  find(clusterId: string): ClusterTarget | null {
    return this.clusters.get(clusterId) ?? null;
  }

  /** Starts a refresh. If one is already running, another one follows. */
  refresh(): void {
    this.wanted = true;
    if (this.running || this.stopped) return;
    clearTimeout(this.timer);
    this.running = this.refreshWhileWanted().finally(() => {
      this.running = null;
    });
  }

  private async refreshWhileWanted(): Promise<void> {
    let nextMs = this.config.PGFLEET_TARGETS_REFRESH_MS;
    while (this.wanted && !this.stopped) {
      this.wanted = false;
      try {
        const clusters = await this.database.transaction((tx) => this.take(tx));
        this.clusters = new Map(clusters.map((cluster) => [cluster.clusterId, cluster]));
      } catch (error) {
        this.logger.warn(`The nodes to probe could not be asked for: ${String(error)}`);
        nextMs = retryMs;
      }
    }
    if (!this.stopped) this.timer = setTimeout(() => this.refresh(), nextMs);
  }

  /** Runs on one replica at a time, from the request to the commit, so that an older list never overwrites a newer one. */
  private async take(tx: EntityManager): Promise<ClusterTarget[]> {
    await tx.query(`select pg_advisory_xact_lock(hashtext('pgfleet health targets'))`);
    const clusters = await this.requester.ask(listProbeTargets, {}, { timeoutMs: answerWithinMs });
    const nodes = clusters.flatMap(({ clusterId, nodes: own }) =>
      own.map((node) => ({ clusterId, ...node })),
    );
    await tx.query(
      `with wanted as (select * from jsonb_to_recordset($1::jsonb) as node ("clusterId" text, name text, address text)),
            gone as (delete from node where (cluster_id, name) not in (select "clusterId", name from wanted))
       insert into node (cluster_id, name, address) select "clusterId", name, address from wanted
       on conflict (cluster_id, name) do update set address = excluded.address where node.address <> excluded.address`,
      [JSON.stringify(nodes)],
    );
    return clusters;
  }
}
