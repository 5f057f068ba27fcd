import { Injectable } from '@nestjs/common';
import {
  getBackupPolicy,
  notFound,
  isNotFound,
  ProblemError,
  type ClusterLineages,
  type Lineage,
  type RecoveryEnd,
  type releaseLineage,
  type RequestOutput,
} from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { rows } from '@pgfleet/persistence';
import { DataSource, In, IsNull, Not, type EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';
import { LineageEntity, type LineageOrigin } from '../persistence/lineage.entity';
import { LineageKeys } from './lineage-keys';

const dayMs = 24 * 3600_000;

/**
 * The lineages that clusters write. The cluster row's `stanza` names the one that it archives to now. Only this class changes
 * both, in one transaction.
 */
@Injectable()
export class Lineages {
  constructor(
    private readonly database: DataSource,
    private readonly requester: Requester,
    private readonly lineageKeys: LineageKeys,
  ) {}

  /** The lineages of a cluster, newest first, also of a deleted one. */
  async of(clusterId: string): Promise<ClusterLineages> {
    const cluster = await this.database.manager.findOneBy(ClusterEntity, { id: clusterId });
    if (!cluster)
      throw notFound(`There is no cluster ${clusterId}.`, { remedy: 'GET /clusters lists the clusters.' });
    const lineages = await this.database.manager.find(LineageEntity, {
      where: { clusterId },
      order: { since: 'DESC' },
    });
    const hasLeft = lineages.some(({ until }) => until !== null);
    const leftDays = hasLeft ? await this.leftDays(clusterId) : null;
    return {
      clusterId,
      items: lineages.map((lineage) => lineageView(lineage, cluster, leftDays)),
      setAside: cluster.setAside,
    };
  }

  async find(tx: EntityManager, stanza: string): Promise<LineageEntity> {
    const lineage = await tx.findOneBy(LineageEntity, { stanza });
    if (!lineage || lineage.releasedAt) throw missing(stanza, lineage);
    return lineage;
  }

  /**
   * Marks a lineage as needed by a restore that this transaction records: nobody can release it until the transaction commits.
   * Throws 404 if it is gone.
   */
  async hold(tx: EntityManager, stanza: string): Promise<void> {
    const lineage = await tx.findOne(LineageEntity, {
      where: { stanza },
      lock: { mode: 'pessimistic_read' },
    });
    if (!lineage || lineage.releasedAt) throw missing(stanza, lineage);
  }

  /** Releases a lineage that was left before that moment, if nothing needs it. Throws 404 if it is gone. */
  async release(stanza: string, leftBefore: Date): Promise<RequestOutput<typeof releaseLineage>> {
    return this.database.transaction(async (tx) => {
      const lineage = await tx.findOne(LineageEntity, {
        where: { stanza },
        lock: { mode: 'pessimistic_write' },
      });
      if (!lineage) throw missing(stanza, null);
      const leftAt = lineage.until?.toISOString() ?? null;
      const keptFor = lineage.releasedAt ? null : await this.keptFor(tx, lineage, leftBefore);
      if (keptFor !== null) return { released: false, leftAt, keptFor };
      await tx.update(LineageEntity, { stanza, releasedAt: IsNull() }, { releasedAt: new Date() });
      return { released: true, leftAt, keptFor };
    });
  }

  /** Forgets a released lineage that is deleted from the repository, together with its key. */
  async forget(tx: EntityManager, stanza: string): Promise<void> {
    await tx.delete(LineageEntity, { stanza, releasedAt: Not(IsNull()) });
  }

  /** The keys to what a cluster's jobs may read, by stanza: to its own lineages, and during a restore to the source lineage. */
  async keys(clusterId: string): Promise<Map<string, string>> {
    const own = await this.database.manager.findBy(LineageEntity, { clusterId });
    const sources = own.flatMap(({ origin }) => (origin?.reached === null ? [origin.stanza] : []));
    const lineages = [
      ...own,
      ...(await this.database.manager.findBy(LineageEntity, { stanza: In(sources) })),
    ];
    return new Map(
      lineages.flatMap((lineage) => {
        const key = this.lineageKeys.open(lineage);
        return key === null ? [] : [[lineage.stanza, key]];
      }),
    );
  }

  /** Records a lineage that is about to begin and, for a restored one, its source. Idempotent. */
  async announce(
    tx: EntityManager,
    stanza: string,
    clusterId: string,
    origin: Omit<LineageOrigin, 'reached' | 'marked'> | null,
  ): Promise<void> {
    await tx
      .createQueryBuilder()
      .insert()
      .into(LineageEntity)
      .values({
        stanza,
        clusterId,
        since: new Date(),
        until: null,
        origin: origin && { ...origin, reached: null, marked: true },
        sealedKey: this.lineageKeys.make(clusterId),
      })
      .orIgnore()
      .execute();
  }

  /** A restore of the cluster failed: nothing was ever written to the lineage that it announced. */
  async withdraw(tx: EntityManager, clusterId: string): Promise<void> {
    const lineages = await tx.findBy(LineageEntity, { clusterId });
    for (const { stanza, origin } of lineages)
      if (origin?.reached === null) await tx.delete(LineageEntity, { stanza });
  }

  /** Records where the lineage begins: the end of its recovery. */
  async reached(tx: EntityManager, stanza: string, end: RecoveryEnd): Promise<void> {
    const lineage = await this.find(tx, stanza);
    if (!lineage.origin) throw new Error(`the lineage ${stanza} was not restored from another`);
    await tx.update(LineageEntity, { stanza }, { origin: { ...lineage.origin, reached: end } });
  }

  /** Makes the cluster archive to that lineage from now on: a new one, or one that it returns to. */
  async goTo(tx: EntityManager, cluster: ClusterEntity, stanza: string): Promise<void> {
    if (cluster.stanza === stanza) return;
    await tx.update(LineageEntity, { stanza: cluster.stanza }, { until: new Date() });
    await tx.update(LineageEntity, { stanza }, { until: null });
    await tx.update(ClusterEntity, { id: cluster.id }, { stanza });
    cluster.stanza = stanza;
  }

  /**
   * Ends the lineage of a deleted cluster, because nothing writes to it any more. If the backups are not kept, it is gone, and
   * the lineages that the cluster had left become unreadable.
   */
  async end(tx: EntityManager, { id, stanza }: ClusterEntity, kept: boolean): Promise<void> {
    if (kept) await tx.update(LineageEntity, { clusterId: id, until: IsNull() }, { until: new Date() });
    else {
      await tx.delete(LineageEntity, { stanza });
      await tx.update(LineageEntity, { clusterId: id }, { sealedKey: null });
    }
  }

  /** What a lineage is needed for; null if nothing needs it. */
  private async keptFor(
    tx: EntityManager,
    { stanza, clusterId, until }: LineageEntity,
    leftBefore: Date,
  ): Promise<string | null> {
    const cluster = await tx.findOneByOrFail(ClusterEntity, { id: clusterId });
    const isThere = cluster.deletedAt === null;
    if (isThere && cluster.stanza === stanza) return 'its cluster writes it';
    if (isThere && cluster.setAside?.stanza === stanza)
      return 'its data are set aside: a restore can be undone';
    if (until === null) return 'it is being restored';
    if (until > leftBefore) return `it was left at ${until.toISOString()}`;
    const [reader] = await rows<{ id: string }>(
      tx,
      `select id from operation where state in ('pending', 'scheduled', 'running') and (
         (kind in ('cluster.restore', 'cluster.create_from_backup') and input->>'from' = $1)
         or (kind = 'cluster.restore.undo' and input->'setAside'->>'stanza' = $1)
         or (kind = 'cluster.proof' and input->>'stanza' = $1))
       union all
       -- What has failed half-way may go on.
       select origin->>'operationId' from lineages
       where origin->>'stanza' = $1 and origin->>'reached' is null and until is null
       limit 1`,
      [stanza],
    );
    return reader ? `${reader.id} reads it` : null;
  }

  /** By the policy; null if no backups of the cluster are known. */
  private async leftDays(clusterId: string): Promise<number | null> {
    try {
      return (await this.requester.ask(getBackupPolicy, { clusterId })).retention.leftDays;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }
}

const missing = (stanza: string, lineage: LineageEntity | null): ProblemError =>
  notFound(lineage ? `The lineage ${stanza} has expired.` : `There is no lineage ${stanza}.`, {
    remedy: 'GET /clusters/:id/lineages lists those of a cluster.',
  });

const lineageView = (
  { stanza, clusterId, since, until, origin }: LineageEntity,
  cluster: ClusterEntity,
  leftDays: number | null,
): Lineage => ({
  stanza,
  clusterId,
  current: cluster.stanza === stanza && cluster.deletedAt === null,
  since: since.toISOString(),
  until: until?.toISOString() ?? null,
  expiresAt:
    until === null || leftDays === null || (cluster.deletedAt === null && cluster.setAside?.stanza === stanza)
      ? null
      : new Date(until.getTime() + leftDays * dayMs).toISOString(),
  from: origin,
});
