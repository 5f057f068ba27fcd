import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ProblemError } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { z } from 'zod';

const everyMs = 5_000;
const agentPort = 8009;
const answerMs = 2_000;
/** How long to wait after a failure: the machine may be on its way down. */
const afterFailureSeconds = 300;

/** What a node's agent reports about itself: files/follow_leader/checks.py. */
const AgentStatus = z.object({ leftBehind: z.boolean(), held: z.boolean() }).loose();

interface AwayRow {
  id: string;
  machines: { name: string; address: string }[];
}

/**
 * Looks for members that were away while their cluster was restored. Their machine answers again, but their Patroni is kept
 * stopped, or their data belong to the lineage that the cluster has left. Starts their rebuild.
 */
@Injectable()
export class LeftBehindWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Members left behind');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly database: DataSource,
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
        .catch((error: Error) => this.logger.warn(`could not look for members: ${error.message}`))
        .finally(() => this.plan());
    }, everyMs);
  }

  private async look(): Promise<void> {
    const away = await this.database.query<AwayRow[]>(
      `select c.id, json_agg(json_build_object('name', m.name, 'address', m.address)) as machines
       from clusters c join machines m on m.cluster_id = c.id and m.kind = 'node' and m.name <> c.leader
         left join members s on s.cluster_id = c.id and s.name = m.name
       where c.deleted_at is null and c.state = 'degraded' and c.leader is not null
         and s.state is distinct from 'streaming' and m.address is not null
         and not exists (select from operation o where o.cluster_id = c.id and o.state in ('pending', 'running'))
         and not exists (
           select from operation o where o.cluster_id = c.id and o.kind = 'cluster.members.rebuild' and o.state = 'failed'
             and o.ended_at > now() - interval '${afterFailureSeconds} seconds')
       group by c.id`,
    );
    await Promise.all(away.map((cluster) => this.consider(cluster)));
  }

  private async consider({ id, machines }: AwayRow): Promise<void> {
    const asked = await Promise.all(
      machines.map(async ({ name, address }) => ((await this.isLeftBehind(address)) ? [name] : [])),
    );
    const names = asked.flat();
    if (names.length === 0) return;
    this.logger.warn(`${names.join(', ')} of ${id} is back from before a restore: rebuilding it`);
    try {
      await this.database.transaction((tx) =>
        this.operations.start(tx, { kind: 'cluster.members.rebuild', clusterId: id, input: { names } }),
      );
    } catch (error) {
      // Another operation, or another replica of this service, was first.
      if (!(error instanceof ProblemError)) throw error;
    }
  }

  private async isLeftBehind(address: string): Promise<boolean> {
    const answer: unknown = await fetch(`http://${address}:${agentPort}/status`, {
      signal: AbortSignal.timeout(answerMs),
    })
      .then((response) => response.json())
      .catch(() => null);
    const status = AgentStatus.safeParse(answer).data;
    return status !== undefined && (status.held || status.leftBehind);
  }
}
