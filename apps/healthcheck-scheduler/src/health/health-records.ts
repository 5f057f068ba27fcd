import { Inject, Injectable } from '@nestjs/common';
import { nodeHealthChanged, type HealthCheck } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../config';
import { NodeChangeEntity } from '../persistence/node-change.entity';
import { NodeEntity } from '../persistence/node.entity';
import type { ProbeResult } from '../probes/node-probe';
import type { Claim } from '../schedule/claims';
import { afterProbe } from './hysteresis';

/** How many changes are kept per node. */
const keptChanges = 50;

const reasonOf = (checks: readonly HealthCheck[]): string => {
  const failed = checks.filter(({ ok }) => !ok);
  if (failed.length === 0) return 'every check succeeded';
  return failed.map(({ name, detail }) => `${name}: ${detail}`).join('; ');
};

/** Stores the results of probes. A change of health, its history entry and its event are one transaction. */
@Injectable()
export class HealthRecords {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Writes nothing if the node is no longer probed, or was claimed again in the meantime. */
  record({ clusterId, name, probe }: Claim, { checks, seen, notices, certain }: ProbeResult): Promise<void> {
    return this.database.transaction(async (tx) => {
      const node = await tx.findOne(NodeEntity, {
        where: { clusterId, name },
        lock: { mode: 'pessimistic_write' },
      });
      if (node?.probe !== probe) return;
      const { state, contrary } = afterProbe(node, seen, {
        unhealthyAfter: certain ? 1 : this.config.PGFLEET_UNHEALTHY_AFTER,
        healthyAfter: this.config.PGFLEET_HEALTHY_AFTER,
      });
      const now = new Date();
      const since = state === node.state ? node.since : now;
      await tx.update(
        NodeEntity,
        { clusterId, name },
        {
          ...{ state, since, contrary, checks, checkedAt: now },
          ...(notices && { notices }),
        },
      );
      if (state !== node.state) await this.changed(tx, node, state, now, checks);
    });
  }

  private async changed(
    tx: EntityManager,
    { clusterId, name: node, state: from }: NodeEntity,
    to: NodeEntity['state'],
    at: Date,
    checks: HealthCheck[],
  ): Promise<void> {
    const reason = reasonOf(checks);
    await tx.insert(NodeChangeEntity, { clusterId, node, state: to, at, reason });
    await tx.query(
      `delete from node_change where cluster_id = $1 and node = $2 and id <= (
         select id from node_change where cluster_id = $1 and node = $2 order by id desc offset $3 limit 1)`,
      [clusterId, node, keptChanges],
    );
    await this.outbox.publish(tx, nodeHealthChanged, node, { clusterId, node, from, to, reason, checks });
  }
}
