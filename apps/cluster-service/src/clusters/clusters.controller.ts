import { Controller } from '@nestjs/common';
import {
  confirmRestore,
  createCluster,
  deleteCluster,
  failover,
  getCluster,
  getCredentials,
  getHistory,
  getTopology,
  listClusters,
  listLineages,
  listProbeTargets,
  listWalSights,
  releaseLineage,
  replaceMember,
  restoreCluster,
  revealSecrets,
  rotateCredentials,
  switchover,
  undoRestore,
  updateCluster,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { Failovers } from '../failover/failovers';
import { Replacements } from '../failover/replacements';
import { Switchovers } from '../failover/switchovers';
import { ClusterHistories } from '../history/cluster-history';
import { Lineages } from '../lineages/lineages';
import { Restores } from '../restore/restores';
import { JobSecrets } from '../secrets/job-secrets';
import { PasswordRotations } from '../secrets/password-rotations';
import { Clusters } from './clusters';
import { ClusterTopology } from './topology';
import { WalSights } from './wal-sights';

@Controller()
export class ClustersController {
  constructor(
    private readonly clusters: Clusters,
    private readonly topology: ClusterTopology,
    private readonly walSights: WalSights,
    private readonly histories: ClusterHistories,
    private readonly jobSecrets: JobSecrets,
    private readonly switchovers: Switchovers,
    private readonly failovers: Failovers,
    private readonly replacements: Replacements,
    private readonly restores: Restores,
    private readonly lineages: Lineages,
    private readonly passwordRotations: PasswordRotations,
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

  @OnRequest(rotateCredentials)
  rotateCredentials({
    clusterId,
    idempotency,
  }: ParsedInput<typeof rotateCredentials>): Promise<RequestOutput<typeof rotateCredentials>> {
    return this.passwordRotations.start(clusterId, idempotency);
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

  @OnRequest(getHistory)
  history({ clusterId }: ParsedInput<typeof getHistory>): Promise<RequestOutput<typeof getHistory>> {
    return this.histories.of(clusterId);
  }

  @OnRequest(getTopology)
  getTopology({ clusterId }: ParsedInput<typeof getTopology>): Promise<RequestOutput<typeof getTopology>> {
    return this.topology.of(clusterId);
  }

  @OnRequest(listProbeTargets)
  listProbeTargets(): Promise<RequestOutput<typeof listProbeTargets>> {
    return this.topology.probeTargets();
  }

  @OnRequest(listWalSights)
  listWalSights({
    clusterId,
  }: ParsedInput<typeof listWalSights>): Promise<RequestOutput<typeof listWalSights>> {
    return this.walSights.list(clusterId);
  }

  @OnRequest(revealSecrets)
  reveal({ clusterId }: ParsedInput<typeof revealSecrets>): Promise<RequestOutput<typeof revealSecrets>> {
    return this.jobSecrets.of(clusterId);
  }

  @OnRequest(switchover)
  switchover({
    clusterId,
    request,
    idempotency,
  }: ParsedInput<typeof switchover>): Promise<RequestOutput<typeof switchover>> {
    return this.switchovers.start(clusterId, request, idempotency);
  }

  @OnRequest(failover)
  failover({
    clusterId,
    request,
    idempotency,
  }: ParsedInput<typeof failover>): Promise<RequestOutput<typeof failover>> {
    return this.failovers.start(clusterId, request, idempotency);
  }

  @OnRequest(replaceMember)
  replace({
    clusterId,
    member,
    idempotency,
  }: ParsedInput<typeof replaceMember>): Promise<RequestOutput<typeof replaceMember>> {
    return this.replacements.start(clusterId, member, idempotency);
  }

  @OnRequest(restoreCluster)
  restore({
    clusterId,
    request,
    idempotency,
  }: ParsedInput<typeof restoreCluster>): Promise<RequestOutput<typeof restoreCluster>> {
    return this.restores.start(clusterId, request, idempotency);
  }

  @OnRequest(undoRestore)
  undoRestore({
    clusterId,
    idempotency,
  }: ParsedInput<typeof undoRestore>): Promise<RequestOutput<typeof undoRestore>> {
    return this.restores.undo(clusterId, idempotency);
  }

  @OnRequest(confirmRestore)
  confirmRestore({
    clusterId,
    idempotency,
  }: ParsedInput<typeof confirmRestore>): Promise<RequestOutput<typeof confirmRestore>> {
    return this.restores.confirm(clusterId, idempotency);
  }

  @OnRequest(listLineages)
  listLineages({ clusterId }: ParsedInput<typeof listLineages>): Promise<RequestOutput<typeof listLineages>> {
    return this.lineages.of(clusterId);
  }

  @OnRequest(releaseLineage)
  releaseLineage({
    stanza,
    leftBefore,
  }: ParsedInput<typeof releaseLineage>): Promise<RequestOutput<typeof releaseLineage>> {
    return this.lineages.release(stanza, new Date(leftBefore));
  }
}
