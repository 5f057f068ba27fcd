import { Injectable } from '@nestjs/common';
import { notFound, type ClusterLineages, type Lineage, type RecoveryEnd } from '@pgfleet/contracts';
import { DataSource, IsNull, type EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';
import { LineageEntity, type LineageOrigin } from '../persistence/lineage.entity';

/**
 * The lineages that clusters write. Which one a cluster archives to now is its own row's `stanza`; both change in one transaction,
 * here only.
 */
@Injectable()
export class Lineages {
  constructor(private readonly database: DataSource) {}

  /** The lineages of a cluster, newest first; also of one that is deleted. */
  async of(clusterId: string): Promise<ClusterLineages> {
    const cluster = await this.database.manager.findOneBy(ClusterEntity, { id: clusterId });
    if (!cluster)
      throw notFound(`There is no cluster ${clusterId}.`, { remedy: 'GET /clusters lists the clusters.' });
    const lineages = await this.database.manager.find(LineageEntity, {
      where: { clusterId },
      order: { since: 'DESC' },
    });
    return {
      clusterId,
      items: lineages.map((lineage) => lineageView(lineage, cluster)),
      setAside: cluster.setAside,
    };
  }

  async find(tx: EntityManager, stanza: string): Promise<LineageEntity> {
    const lineage = await tx.findOneBy(LineageEntity, { stanza });
    if (!lineage)
      throw notFound(`There is no lineage ${stanza}.`, {
        remedy: 'GET /clusters/:id/lineages lists those of a cluster.',
      });
    return lineage;
  }

  /** The lineage that is being restored for a cluster at this moment, null when none is. */
  async underWay(clusterId: string): Promise<LineageEntity | null> {
    const lineages = await this.database.manager.find(LineageEntity, {
      where: { clusterId },
      order: { since: 'DESC' },
    });
    return lineages.find(({ origin }) => origin?.reached === null) ?? null;
  }

  /** Writes down a lineage that is to be; of one that is restored also what from. Idempotent. */
  async announce(
    tx: EntityManager,
    stanza: string,
    clusterId: string,
    origin: Omit<LineageOrigin, 'reached'> | null,
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
        origin: origin && { ...origin, reached: null },
      })
      .orIgnore()
      .execute();
  }

  /** A restore of the cluster came to nothing: the lineage that it announced was never written to. */
  async withdraw(tx: EntityManager, clusterId: string): Promise<void> {
    const lineages = await tx.findBy(LineageEntity, { clusterId });
    for (const { stanza, origin } of lineages)
      if (origin?.reached === null) await tx.delete(LineageEntity, { stanza });
  }

  /** A recovery has ended: this is where its lineage begins. */
  async reached(tx: EntityManager, stanza: string, end: RecoveryEnd): Promise<void> {
    const lineage = await this.find(tx, stanza);
    if (!lineage.origin) throw new Error(`the lineage ${stanza} was not restored from another`);
    await tx.update(LineageEntity, { stanza }, { origin: { ...lineage.origin, reached: end } });
  }

  /** From now on the cluster archives to that lineage: a new one, or the one that it returns to. */
  async goTo(tx: EntityManager, cluster: ClusterEntity, stanza: string): Promise<void> {
    if (cluster.stanza === stanza) return;
    await tx.update(LineageEntity, { stanza: cluster.stanza }, { until: new Date() });
    await tx.update(LineageEntity, { stanza }, { until: null });
    await tx.update(ClusterEntity, { id: cluster.id }, { stanza });
    cluster.stanza = stanza;
  }

  /** The cluster is deleted: nobody writes its lineage any more; if the backups are not kept it is gone. */
  async end(tx: EntityManager, { id, stanza }: ClusterEntity, kept: boolean): Promise<void> {
    if (kept) await tx.update(LineageEntity, { clusterId: id, until: IsNull() }, { until: new Date() });
    else await tx.delete(LineageEntity, { stanza });
  }
}

const lineageView = (
  { stanza, clusterId, since, until, origin }: LineageEntity,
  cluster: ClusterEntity,
): Lineage => ({
  stanza,
  clusterId,
  current: cluster.stanza === stanza && cluster.deletedAt === null,
  since: since.toISOString(),
  until: until?.toISOString() ?? null,
  from: origin,
});
