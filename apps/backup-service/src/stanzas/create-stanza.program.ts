import { Injectable } from '@nestjs/common';
import type { OperationError } from '@pgfleet/contracts';
import { done, Outcome, Program, type OperationContext, type StepContext } from '@pgfleet/operations';
import { stanzaCreateAndCheck } from '@pgfleet/pgbackrest';
import type { EntityManager } from 'typeorm';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { StanzaEnds, type StanzaInput } from './stanza-ends';

/** For both commands; `check` alone waits a minute for its segment. */
const deadlineSeconds = 150;
/** Shorter than the time a cluster's creation waits for this service (180 s), so that it gets the reason. */
const patienceMs = 90_000;

/**
 * Creates the stanza of a lineage, and proves that a WAL segment of its cluster reaches the repository. One job does both: a
 * second one would cost every new cluster another trip through queue, runner and ssh.
 */
@Injectable()
export class CreateStanza extends Program<StanzaInput> {
  readonly kind = 'stanza.create';
  readonly steps = ['create_and_check'] as const;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly ends: StanzaEnds,
  ) {
    super();
  }

  async create_and_check(context: StepContext<StanzaInput>): Promise<Outcome> {
    const { stanza, clusterId } = context.input;
    const answer = await drive(context, {
      argv: stanzaCreateAndCheck(stanza),
      host: () => this.leader.find(clusterId),
      read: () => undefined,
      deadlineSeconds,
      patienceMs,
    });
    return answer instanceof Outcome ? answer : done();
  }

  override onDone(context: OperationContext<StanzaInput>, tx: EntityManager): Promise<void> {
    return this.ends.created(tx, context);
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
    return this.ends.enter(tx, input, 'creating');
  }
}
