import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { again, fail, type Outcome, type StepContext } from '@pgfleet/operations';
import { keepsAcknowledged, type ClusterParts } from '../clusters/cluster-view';
import { connectionOf } from '../clusters/connection';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { FirstWrite } from './first-write';
import { platformLogin } from './platform-login';

const endpointMs = 60_000;
const replicationMs = 30_000;
/**
 * Patroni names synchronous standbys in the round after they start to stream: two of its longest rounds (10 s each), plus a
 * margin.
 */
const durabilityMs = 60_000;
const askAgainMs = 250;
/** How long one run of the step looks for its transaction on a replica. */
const lookMs = 5_000;

/** The pause before the next attempt grows with the time waited so far: from 250 ms to at most 5 s. */
export const growingPauseMs = (waitedMs: number): number =>
  Math.min(5_000, Math.max(askAgainMs, Math.round(waitedMs / 4)));

/**
 * The step that proves a cluster. A transaction committed on the primary port is visible on the replica port. What is
 * acknowledged from now on outlives the leader as the durability promises: Patroni lets no replica lead before it has named the
 * synchronous ones. A cluster that loses its leader earlier has none until the machine is back.
 * The step uses the platform's role and database, so it proves the same whatever the customer has done to theirs.
 */
@Injectable()
export class ProvenWrite {
  constructor(
    private readonly secrets: ClusterSecrets,
    private readonly firstWrite: FirstWrite,
  ) {}

  /** Returns null once it is proven. */
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
    const secrets = await this.secrets.reveal(cluster.id);
    const { primary, replicas } = connection;
    try {
      const xid = await this.firstWrite.write(platformLogin(primary, secrets));
      if (await this.shows(platformLogin(replicas, secrets), xid, context.abort)) return null;
    } catch (error) {
      if (waitedMs < durabilityMs + endpointMs) return again(growingPauseMs(waitedMs));
      return fail(
        `The platform could not write through ${primary.host}:${primary.port} and read through ${replicas.host}:${replicas.port} within ${Math.round(waitedMs / 1000)} s: ${(error as Error).message}`,
        'Look at the journal of haproxy on the load balancer and of pgbouncer on the nodes, then retry the operation.',
      );
    }
    if (waitedMs < durabilityMs + replicationMs) return again(growingPauseMs(waitedMs));
    return fail(
      `A transaction committed through ${primary.host}:${primary.port} is not visible through ${replicas.host}:${replicas.port}.`,
      'Look at the lag of the members in GET /clusters/:id, then retry the operation.',
    );
  }

  private async shows(
    replicas: ReturnType<typeof platformLogin>,
    xid: string,
    abort: AbortSignal,
  ): Promise<boolean> {
    const deadline = Date.now() + lookMs;
    while (!(await this.firstWrite.read(replicas, xid))) {
      if (Date.now() > deadline || abort.aborted) return false;
      await pause(askAgainMs);
    }
    return true;
  }
}
