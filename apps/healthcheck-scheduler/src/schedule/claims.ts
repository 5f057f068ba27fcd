import { Inject, Injectable } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config';

/** The right to probe a node now, and to store the result unless a later probe has started. */
export interface Claim {
  clusterId: string;
  name: string;
  address: string;
  probe: string;
}

/** Distributes due nodes among the replicas of this service. Only one replica takes a node. */
@Injectable()
export class Claims {
  constructor(
    private readonly database: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Takes at most `limit` due nodes of these clusters, longest overdue first. The next probe of each is due one interval (±10 %) from
   * now, whatever happens to this one, so a process that dies leaves nothing to clean up.
   */
  async take(clusterIds: readonly string[], limit: number): Promise<Claim[]> {
    return rows<Claim>(
      this.database,
      `update node set probe = probe + 1,
         due_at = clock_timestamp() + $1 * (0.9 + random() * 0.2) * interval '1 millisecond'
       where (cluster_id, name) in (
         select cluster_id, name from node where due_at <= clock_timestamp() and cluster_id = any($2)
         order by due_at limit $3 for update skip locked)
       returning cluster_id as "clusterId", name, address, probe`,
      [this.config.PGFLEET_PROBE_INTERVAL_MS, clusterIds, limit],
    );
  }

  /** When the next node of these clusters is due, and whether nodes of other clusters are waiting that only another replica knows. */
  async outlook(clusterIds: readonly string[]): Promise<{ nextInMs: number | null; othersWait: boolean }> {
    const [row] = await rows<{ next: number | null; others: boolean | null }>(
      this.database,
      `select (extract(epoch from min(due_at) filter (where cluster_id = any($1)) - clock_timestamp()) * 1000)::float8 as next,
              bool_or(cluster_id <> all($1) and due_at <= clock_timestamp()) as others
       from node`,
      [clusterIds],
    );
    return { nextInMs: row?.next ?? null, othersWait: row?.others ?? false };
  }
}
