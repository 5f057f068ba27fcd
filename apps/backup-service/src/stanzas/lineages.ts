import { Injectable, Logger } from '@nestjs/common';
import { conflict, getTopology, notFound, isNotFound, type Topology } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { DataSource } from 'typeorm';
import { StanzaEntity } from '../persistence/stanza.entity';

/** A lineage, and its cluster as cluster-service sees it now. */
export interface SeenCluster {
  stanza: StanzaEntity;
  /** Null when the cluster is gone, or cluster-service does not answer. */
  cluster: Topology | null;
}

/** Whether customers can use the cluster, as far as is known. */
export const isServed = (cluster: SeenCluster['cluster']): boolean =>
  cluster?.state === 'ready' || cluster?.state === 'degraded';

const askWithinMs = 2_000;

/** Finds lineages. A removed lineage is not found. */
@Injectable()
export class Lineages {
  private readonly logger = new Logger('Lineages');

  constructor(
    private readonly database: DataSource,
    private readonly requester: Requester,
  ) {}

  /**
   * The lineage that a cluster archives to now. It need not be the newest: undoing a restore returns to the one before.
   * cluster-service knows it. When the cluster is gone or cluster-service does not answer, this is the last lineage known to have
   * been entered. Throws 404 without one.
   */
  async current(clusterId: string): Promise<StanzaEntity> {
    return (await this.look(clusterId)).stanza;
  }

  /** The same, with cluster-service's answer on the cluster. Throws 404. */
  async look(clusterId: string): Promise<SeenCluster> {
    const cluster = await this.ask(clusterId);
    if (cluster) await this.follow(clusterId, cluster.stanza);
    const [stanza] = await this.database.manager.find(StanzaEntity, {
      where: { clusterId },
      order: { enteredAt: 'DESC', createdAt: 'DESC' },
      take: 1,
    });
    if (!stanza || stanza.state === 'deleted')
      throw notFound(`The cluster ${clusterId} has no backups, and no stanza to keep them in.`, {
        remedy: 'The stanza is made while the cluster is created: look at its operation.',
      });
    return { stanza, cluster };
  }

  /**
   * The current lineage, for work that changes the repository. Throws 404 for an unknown one; 409 during a restore, and when the
   * cluster is gone.
   */
  async workable(clusterId: string): Promise<StanzaEntity> {
    const { stanza, cluster } = await this.look(clusterId);
    if (stanza.clusterDeletedAt)
      throw conflict(`The cluster ${clusterId} is deleted: it has no machine left to work on its backups.`, {
        remedy: 'Its backups stay as they are; a new cluster can be made from them.',
      });
    if (cluster?.state === 'restoring')
      throw conflict(`The cluster ${clusterId} is being restored.`, {
        remedy: 'Wait until it is ready: GET /clusters/:clusterId. A restore makes a full backup by itself.',
      });
    return stanza;
  }

  /**
   * Whether the cluster's machines can report what the repository holds for this lineage. They have access only to the lineage
   * that they archive to, and while a restore switches lineages it is unknown which one that is. For another lineage they would
   * find nothing.
   */
  async isAtHand({ clusterId, name }: Pick<StanzaEntity, 'clusterId' | 'name'>): Promise<boolean> {
    const cluster = await this.ask(clusterId);
    return cluster?.stanza === name && cluster.state !== 'restoring' && cluster.state !== 'failed';
  }

  /** Throws 404 when there is none. */
  async named(name: string): Promise<StanzaEntity> {
    const stanza = await this.database.manager.findOneBy(StanzaEntity, { name });
    if (!stanza || stanza.state === 'deleted') throw notFound(`There is no lineage ${name}.`);
    if (stanza.expiredAt) throw notFound(`The lineage ${name} has expired.`);
    return stanza;
  }

  private async ask(clusterId: string): Promise<Topology | null> {
    try {
      return await this.requester.ask(getTopology, { clusterId }, { timeoutMs: askWithinMs });
    } catch (error) {
      const isGone = isNotFound(error);
      if (!isGone) this.logger.warn(`It could not be asked what ${clusterId} archives to: ${String(error)}`);
      return null;
    }
  }

  /** Remembers the cluster's current lineage, for when cluster-service cannot answer. A lineage without a stanza is not recorded. */
  private async follow(clusterId: string, name: string): Promise<void> {
    await this.database.query(
      `update stanza set entered_at = now() where name = $2 and cluster_id = $1
         and entered_at < (select max(entered_at) from stanza where cluster_id = $1)`,
      [clusterId, name],
    );
  }
}
