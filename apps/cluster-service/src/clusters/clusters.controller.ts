import { Controller } from '@nestjs/common';
import {
  createCluster,
  deleteCluster,
  getCluster,
  getCredentials,
  getTopology,
  listClusters,
  listProbeTargets,
  revealSecrets,
  updateCluster,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { JobSecrets } from '../secrets/job-secrets';
import { Clusters } from './clusters';
import { ClusterTopology } from './topology';

@Controller()
export class ClustersController {
  constructor(
    private readonly clusters: Clusters,
    private readonly topology: ClusterTopology,
    private readonly jobSecrets: JobSecrets,
  ) {}

  @OnRequest(createCluster)
  create({
    cluster,
    idempotency,
  }: ParsedInput<typeof createCluster>): Promise<RequestOutput<typeof createCluster>> {
    return this.clusters.create(cluster, idempotency);
  }

  @OnRequest(listClusters)
  list(query: ParsedInput<typeof listClusters>): Promise<RequestOutput<typeof listClusters>> {
    return this.clusters.list(query);
  }

  @OnRequest(getCluster)
  get({ clusterId }: ParsedInput<typeof getCluster>): Promise<RequestOutput<typeof getCluster>> {
    return this.clusters.get(clusterId);
  }

  @OnRequest(getCredentials)
  credentials({
    clusterId,
  }: ParsedInput<typeof getCredentials>): Promise<RequestOutput<typeof getCredentials>> {
    return this.clusters.credentials(clusterId);
  }

  @OnRequest(updateCluster)
  update({
    clusterId,
    change,
  }: ParsedInput<typeof updateCluster>): Promise<RequestOutput<typeof updateCluster>> {
    return this.clusters.update(clusterId, change);
  }

  @OnRequest(deleteCluster)
  delete({
    clusterId,
    keepBackups,
  }: ParsedInput<typeof deleteCluster>): Promise<RequestOutput<typeof deleteCluster>> {
    return this.clusters.delete(clusterId, keepBackups);
  }

  @OnRequest(getTopology)
  getTopology({ clusterId }: ParsedInput<typeof getTopology>): Promise<RequestOutput<typeof getTopology>> {
    return this.topology.of(clusterId);
  }

  @OnRequest(listProbeTargets)
  listProbeTargets(): Promise<RequestOutput<typeof listProbeTargets>> {
    return this.topology.probeTargets();
  }

  @OnRequest(revealSecrets)
  reveal({ clusterId }: ParsedInput<typeof revealSecrets>): Promise<RequestOutput<typeof revealSecrets>> {
    return this.jobSecrets.of(clusterId);
  }
}
