import { Injectable } from '@nestjs/common';
import { again, fail, type Outcome, type StepContext } from '@pgfleet/operations';
import { connectionOf, keepsAcknowledged, type ClusterParts } from '../clusters/cluster-view';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { FirstWrite } from './first-write';

const replicationMs = 30_000;
/** Patroni names synchronous standbys in the round after they have begun to stream: its longest round (10 s), twice, and room. */
const durabilityMs = 60_000;
const askAgainMs = 250;

/**
 * The step that proves a cluster to its customer: a row written on the primary port shows on the replica port,
 * and what is acknowledged from now on outlives the leader as its durability says: Patroni lets no replica lead before it has named
 * the synchronous ones, so a cluster that loses its leader before that has none until the machine is back.
 */
@Injectable()
export class ProvenWrite {
  constructor(
    private readonly secrets: ClusterSecrets,
    private readonly firstWrite: FirstWrite,
  ) {}

  /** null when it is proven. */
  async prove(
    context: StepContext<unknown>,
    { cluster, machines }: Pick<ClusterParts, 'cluster' | 'machines'>,
  ): Promise<Outcome | null> {
    const connection = connectionOf(cluster, machines);
    if (!connection) throw new Error('the cluster has no load balancer');
    const waitedMs = Date.now() - context.stepStartedAt.getTime();
    if (!keepsAcknowledged(cluster)) {
      if (waitedMs < durabilityMs) return again(askAgainMs);
      return fail(
        `No replica became synchronous within ${durabilityMs / 1000} s, so a write may be acknowledged that only ${cluster.leader ?? 'the leader'} has.`,
        'Look at the members in GET /clusters/:id and at the journal of patroni on the leader, then retry the operation.',
      );
    }
    const { customer: password } = await this.secrets.reveal(cluster.id);
    const primary = { ...connection.primary, password };
    const replicas = { ...connection.replicas, password };
    await this.firstWrite.write(primary, context.operationId);
    if (!(await this.firstWrite.read(replicas, context.operationId))) {
      if (waitedMs < durabilityMs + replicationMs) return again(askAgainMs);
      return fail(
        `A row written through ${primary.host}:${primary.port} does not show through ${replicas.host}:${replicas.port}.`,
        'Look at the lag of the members in GET /clusters/:id, then retry the operation.',
      );
    }
    await this.firstWrite.forget(primary);
    return null;
  }
}
