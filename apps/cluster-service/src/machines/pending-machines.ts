import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ProblemError } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ReachableMachines } from './reachable-machines';

const everyMs = 5_000;
/** How many machines are checked at once; those that have been pending longest come first. */
const atOnce = 50;

interface PendingRow {
  name: string;
  address: string;
  clusterId: string;
}

/**
 * Looks for machines that were down when their cluster changed and that answer again, and starts the operation that configures
 * them. A machine that does not answer costs one connection attempt. Failed configurations are retried after 30 s, 60 s, … up to
 * an hour.
 */
@Injectable()
export class PendingMachines implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Pending machines');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly database: DataSource,
    private readonly reachable: ReachableMachines,
    private readonly operations: Operations,
  ) {}

  onApplicationBootstrap(): void {
    this.plan();
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
        .catch((error: Error) => this.logger.warn(`could not look for pending machines: ${error.message}`))
        .finally(() => this.plan());
    }, everyMs);
  }

  private async look(): Promise<void> {
    const due = await this.database.query<PendingRow[]>(
      `select m.name, m.address, m.cluster_id as "clusterId" from machines m join clusters c on c.id = m.cluster_id
       where m.pending_since is not null and coalesce(m.pending_retry_at, now()) <= now()
         and c.deleted_at is null and c.state in ('ready', 'degraded')
         and not exists (select from operation o where o.cluster_id = c.id and o.state in ('pending', 'running'))
       order by m.pending_since limit ${atOnce}`,
    );
    const back = new Map<string, string[]>();
    for (const { name, clusterId } of await this.reachable.of(due))
      back.set(clusterId, [...(back.get(clusterId) ?? []), name]);
    // One at a time: a machine that fails must not keep back another one.
    for (const [clusterId, machines] of back) await this.configure(clusterId, machines.slice(0, 1));
  }

  private async configure(clusterId: string, machines: string[]): Promise<void> {
    this.logger.log(`${machines.join(', ')} of ${clusterId} returned: configuring`);
    try {
      await this.database.transaction((tx) =>
        this.operations.start(tx, { kind: 'cluster.configure_returned', clusterId, input: { machines } }),
      );
    } catch (error) {
      // Another operation, or another replica of this service, was first.
      if (!(error instanceof ProblemError)) throw error;
    }
  }
}
