import { Injectable } from '@nestjs/common';
import { notFound } from '@pgfleet/contracts';
import { Operations } from '@pgfleet/operations';
import { In, IsNull, type EntityManager } from 'typeorm';
import { ClusterEntity, MachineEntity, MemberEntity } from '../persistence/cluster.entity';
import { NodeReportEntity } from '../persistence/leadership.entity';
import { ReducedDurabilityEntity } from '../persistence/reduced-durability.entity';
import type { ClusterParts } from './cluster-view';

/** Reads clusters with everything that belongs to them. Deleted clusters are not found. */
@Injectable()
export class ClusterRows {
  constructor(private readonly operations: Operations) {}

  async find(
    tx: EntityManager,
    clusterId: string,
    options: { forUpdate?: boolean } = {},
  ): Promise<ClusterEntity> {
    const cluster = await tx.findOne(ClusterEntity, {
      where: { id: clusterId, deletedAt: IsNull() },
      ...(options.forUpdate && { lock: { mode: 'pessimistic_write' as const } }),
    });
    if (!cluster)
      throw notFound(`There is no cluster ${clusterId}.`, { remedy: 'GET /clusters lists the clusters.' });
    return cluster;
  }

  async parts(tx: EntityManager, clusters: ClusterEntity[]): Promise<ClusterParts[]> {
    const ids = clusters.map(({ id }) => id);
    const members = await tx.find(MemberEntity, { where: { clusterId: In(ids) }, order: { name: 'ASC' } });
    const machines = await tx.find(MachineEntity, { where: { clusterId: In(ids) }, order: { name: 'ASC' } });
    const nodeReports = await tx.findBy(NodeReportEntity, { clusterId: In(ids) });
    const reduced = await tx.findBy(ReducedDurabilityEntity, { clusterId: In(ids), until: IsNull() });
    const operations = await this.operations.active(tx, ids);
    return clusters.map((cluster) => ({
      cluster,
      members: members.filter(({ clusterId }) => clusterId === cluster.id),
      machines: machines.filter(({ clusterId }) => clusterId === cluster.id),
      nodeReports: nodeReports.filter(({ clusterId }) => clusterId === cluster.id),
      aloneSince: reduced.find(({ clusterId }) => clusterId === cluster.id)?.since ?? null,
      operationId: operations.get(cluster.id) ?? null,
    }));
  }

  async partsOf(tx: EntityManager, clusterId: string): Promise<ClusterParts> {
    const [parts] = await this.parts(tx, [await this.find(tx, clusterId)]);
    if (!parts) throw new Error(`cluster ${clusterId} has no parts`);
    return parts;
  }
}
