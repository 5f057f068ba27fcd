import { Injectable, Logger } from '@nestjs/common';
import { lineageExpired, isNotFound, releaseLineage } from '@pgfleet/contracts';
import { Outbox, Requester } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterLeader } from '../leader/cluster-leader';
import { StanzaEntity } from '../persistence/stanza.entity';
import { DeleteStanza } from '../stanzas/delete-stanza.program';
import { Policies } from './policies';

const dayMs = 24 * 3600_000;
/** How soon to check a lineage again that is past its retention but still needed, or that no machine can reach. */
const lookAgainMs = 600_000;
/** How soon to check a lineage again after its deletion started: the deletion may have failed. */
const tryAgainMs = 3600_000;
/** Lineages per round. */
const atMost = 100;

interface DueLineage {
  name: string;
  cluster_id: string;
  /** The due time, to the microsecond: a different time means that something has changed meanwhile. */
  due: string;
}

/**
 * Deletes lineages that were left longer ago than the policy keeps them. cluster-service decides whether one may go: it knows
 * which are written, can be returned to, or are being read. It starts no restore from a lineage that it has released, so no
 * reader loses its data.
 */
@Injectable()
export class DueLineages {
  private readonly logger = new Logger('DueLineages');

  constructor(
    private readonly database: DataSource,
    private readonly requester: Requester,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
    private readonly policies: Policies,
    private readonly leader: ClusterLeader,
  ) {}

  async decide(): Promise<void> {
    const due = await rows<DueLineage>(
      this.database,
      `select name, cluster_id, expiry_due_at::text as due from stanza
       where expiry_due_at <= now() order by expiry_due_at limit ${atMost}`,
    );
    for (const lineage of due)
      await this.decideLineage(lineage).catch((error: unknown) =>
        this.logger.warn(`Whether ${lineage.name} is kept any longer could not be decided: ${String(error)}`),
      );
  }

  private async decideLineage(lineage: DueLineage): Promise<void> {
    const { name: stanza, cluster_id: clusterId } = lineage;
    const { leftDays } = (await this.policies.stored(clusterId)).retention;
    if ((await this.isBeingProven(stanza)) || !(await this.leader.findNear(clusterId)))
      return this.lookAgain(lineage, Date.now() + lookAgainMs);
    const leftBefore = new Date(Date.now() - leftDays * dayMs).toISOString();
    const answer = await this.requester.ask(releaseLineage, { stanza, leftBefore }).catch(nullIfMissing);
    // A lineage that cluster-service has never heard of is kept.
    if (!answer?.leftAt) return this.lookAgain(lineage, null);
    const { released, leftAt } = answer;
    const dueAt = Date.parse(leftAt) + leftDays * dayMs;
    if (!released) return this.lookAgain(lineage, Math.max(dueAt, Date.now() + lookAgainMs));
    await this.database.transaction((tx) => this.expire(tx, stanza, clusterId, leftAt));
  }

  /** Runs once, even when several replicas see the lineage. */
  private async expire(tx: EntityManager, stanza: string, clusterId: string, leftAt: string): Promise<void> {
    const [lineage] = await rows<{ state: string; expired_at: Date | null }>(
      tx,
      'select state, expired_at from stanza where name = $1 and expiry_due_at <= now() for update skip locked',
      [stanza],
    );
    if (!lineage) return;
    const expiryDueAt = new Date(Date.now() + tryAgainMs);
    if (lineage.state === 'deleting') {
      await tx.update(StanzaEntity, { name: stanza }, { expiryDueAt });
      return;
    }
    const input = { stanza, clusterId, requestedBy: null };
    const order = { kind: DeleteStanza.kind, clusterId: null, input };
    const { id: operationId } = await this.operations.start(tx, order);
    const expiredAt = lineage.expired_at ?? new Date();
    await tx.update(StanzaEntity, { name: stanza }, { state: 'deleting', expiredAt, expiryDueAt });
    if (lineage.expired_at) return;
    const data = { clusterId, stanza, leftAt, operationId };
    await this.outbox.publish(tx, lineageExpired, stanza, data, { correlationId: operationId });
  }

  private async isBeingProven(stanza: string): Promise<boolean> {
    const sql = "select from drill where stanza = $1 and state = 'running'";
    return (await rows(this.database, sql, [stanza])).length > 0;
  }

  private async lookAgain({ name, due }: DueLineage, at: number | null): Promise<void> {
    await this.database.query(
      'update stanza set expiry_due_at = $3 where name = $1 and expiry_due_at = $2::timestamptz',
      [name, due, at === null ? null : new Date(at)],
    );
  }
}

const nullIfMissing = (error: unknown): null => {
  if (isNotFound(error)) return null;
  throw error;
};
