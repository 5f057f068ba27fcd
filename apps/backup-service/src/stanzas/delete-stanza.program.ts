import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import { done, Outcome, Program, type OperationContext, type StepContext } from '@pgfleet/operations';
import { leftStanzaDelete, stanzaDelete } from '@pgfleet/pgbackrest';
import type { EntityManager } from 'typeorm';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { StanzaEnds, type StanzaInput } from './stanza-ends';

/** The repository deletes object by object: a large lineage takes time. */
const deadlineSeconds = 3600;
const patienceMs = 60_000;

/**
 * Removes a lineage with every backup from the repository. While its cluster is being deleted, this runs on one of the cluster's
 * machines. An expired lineage is removed from any machine that reaches the repository.
 */
@Injectable()
export class DeleteStanza extends Program<StanzaInput> {
  static readonly kind = 'stanza.delete';
  readonly kind = DeleteStanza.kind;
  readonly steps = ['delete'] as const;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly ends: StanzaEnds,
  ) {
    super();
  }

  async delete(context: StepContext<StanzaInput>): Promise<Outcome> {
    const { stanza, clusterId, requestedBy } = context.input;
    // No operation requests the deletion of an expired lineage: its cluster has left it.
    const isLeft = requestedBy === null;
    const answer = await drive(context, {
      argv: isLeft ? leftStanzaDelete(stanza) : stanzaDelete(stanza),
      host: () => (isLeft ? this.leader.findNear(clusterId) : this.leader.findAny(clusterId)),
      read: () => undefined,
      deadlineSeconds,
      patienceMs,
    });
    return answer instanceof Outcome ? answer : done();
  }

  override onDone(context: OperationContext<StanzaInput>, tx: EntityManager): Promise<void> {
    return this.ends.deleted(tx, context);
  }

  override onFailed(
    context: OperationContext<StanzaInput>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    return this.ends.failed(tx, context, error);
  }

  override onCancelled(context: OperationContext<StanzaInput>, tx: EntityManager): Promise<void> {
    return this.ends.cancelled(tx, context);
  }

  override onRetried({ input }: OperationContext<StanzaInput>, tx: EntityManager): Promise<void> {
    return this.ends.enter(tx, input, 'deleting');
  }
}
