import { Injectable } from '@nestjs/common';
import { done, Outcome, Program, type StepContext } from '@pgfleet/operations';
import { ClusterLeader } from '../leader/cluster-leader';
import { StanzaEntity } from '../persistence/stanza.entity';
import { Lineages } from '../stanzas/lineages';
import { readStore } from './read-store';

interface Input {
  stanza: string;
  clusterId: string;
}

/** No caller waits longer for the answer. */
const deadlineSeconds = 10;

/** Asks pgBackRest what the repository holds for a stanza. It changes nothing, so it belongs to no cluster and blocks none. */
@Injectable()
export class ReadBackups extends Program<Input> {
  static readonly kind = 'backup.list';
  readonly kind = ReadBackups.kind;
  readonly steps = ['read'] as const;
  override readonly attempts = 1;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly lineages: Lineages,
  ) {
    super();
  }

  async read(context: StepContext<Input>): Promise<Outcome> {
    const { stanza, clusterId } = context.input;
    const answer = await readStore(context, this.leader, { deadlineSeconds, patienceMs: 0 });
    if (answer instanceof Outcome) return answer;
    // Otherwise the machine may no longer have had access to the stanza, and seen nothing.
    if (!(await this.lineages.isAtHand({ clusterId, name: stanza }))) return done();
    return done().with((tx) => tx.update(StanzaEntity, { name: stanza }, { backups: answer.value }));
  }
}
