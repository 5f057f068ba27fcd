import { Injectable } from '@nestjs/common';
import { done, Outcome, Program, type StepContext } from '@pgfleet/operations';
import { info } from '@pgfleet/pgbackrest';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { StanzaEntity } from '../persistence/stanza.entity';
import { readList } from './backup-list';

interface Input {
  stanza: string;
  clusterId: string;
}

/** Nobody waits longer for the answer. */
const deadlineSeconds = 10;

/** Asks pgBackRest what the store holds of a stanza. It changes nothing, so it belongs to no cluster and holds none up. */
@Injectable()
export class ReadBackups extends Program<Input> {
  static readonly kind = 'backup.list';
  readonly kind = ReadBackups.kind;
  readonly steps = ['read'] as const;
  override readonly attempts = 1;

  constructor(private readonly leader: ClusterLeader) {
    super();
  }

  async read(context: StepContext<Input>): Promise<Outcome> {
    const { stanza, clusterId } = context.input;
    const answer = await drive(context, {
      argv: info(stanza),
      host: () => this.leader.findAny(clusterId),
      read: readList,
      deadlineSeconds,
      patienceMs: 0,
    });
    if (answer instanceof Outcome) return answer;
    return done().with((tx) => tx.update(StanzaEntity, { name: stanza }, { backups: answer.value }));
  }
}
