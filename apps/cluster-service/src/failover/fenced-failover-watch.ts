import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ProblemError } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterMachines } from '../machines/cluster-machines';

const everyMs = 200;
/** How long to wait before checking again after a proof failed. */
const afterFailureSeconds = 30;

interface LostLeaderRow {
  id: string;
  leader: string;
}

/**
 * Looks for leaders that every other member misses, and asks the machine provider whether their machines are off. Only if they
 * are does it start a failover instead of waiting for the lease; the operation proves everything once more. A leader that is
 * merely silent is left to Patroni.
 */
@Injectable()
export class FencedFailoverWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Fenced failover');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly database: DataSource,
    private readonly machines: ClusterMachines,
    private readonly operations: Operations,
  ) {}

  onApplicationBootstrap(): void {
    if (this.machines.provesPower) this.plan();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private plan(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.looking = this.look()
        .catch((error: Error) => this.logger.warn(`could not look for lost leaders: ${error.message}`))
        .finally(() => this.plan());
    }, everyMs);
  }

  private async look(): Promise<void> {
    const lost = await this.database.query<LostLeaderRow[]>(
      `select c.id, c.leader from clusters c
       where c.deleted_at is null and c.fencing and c.state in ('ready', 'degraded') and c.leader is not null
         and exists (select from node_reports n where n.cluster_id = c.id and n.report->'lost'->>'leader' = c.leader)
         and not exists (
           select from members m left join node_reports n on n.cluster_id = m.cluster_id and n.member = m.name
           where m.cluster_id = c.id and m.name <> c.leader and n.report->'lost'->>'leader' is distinct from c.leader)
         and not exists (select from operation o where o.cluster_id = c.id and o.state in ('pending', 'running'))
         and not exists (
           select from operation o where o.cluster_id = c.id and o.kind = 'cluster.failover' and o.state = 'failed'
             and o.ended_at > now() - interval '${afterFailureSeconds} seconds')`,
    );
    await Promise.all(lost.map((cluster) => this.consider(cluster)));
  }

  private async consider({ id, leader }: LostLeaderRow): Promise<void> {
    if (!(await this.machines.isOff(leader))) return;
    this.logger.warn(`${leader} leads ${id} and its machine is off: failing over`);
    try {
      await this.database.transaction((tx) =>
        this.operations.start(tx, {
          kind: 'cluster.failover',
          clusterId: id,
          input: { leader, candidate: null, automatic: true },
        }),
      );
    } catch (error) {
      // Another operation, or another replica of this service, was first.
      if (!(error instanceof ProblemError)) throw error;
    }
  }
}
