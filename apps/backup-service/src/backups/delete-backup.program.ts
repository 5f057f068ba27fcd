import { Injectable } from '@nestjs/common';
import { backupsDeleted } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { done, fail, next, Outcome, Program, type StepContext } from '@pgfleet/operations';
import { expireSet } from '@pgfleet/pgbackrest';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { StanzaEntity } from '../persistence/stanza.entity';
import { readStore } from './read-store';

interface Input {
  stanza: string;
  clusterId: string;
  /** The backup that the request names. */
  label: string;
  /** That backup and the backups that depend on it. */
  labels: string[];
  fullsLeft: number;
}

/** The repository deletes object by object. */
const deadlineSeconds = 3600;
const infoDeadlineSeconds = 60;
const patienceMs = 60_000;

/** Removes a backup and its dependents from the repository, then reads what is left. */
@Injectable()
export class DeleteBackup extends Program<Input> {
  static readonly kind = 'backup.delete';
  readonly kind = DeleteBackup.kind;
  readonly steps = ['delete', 'record'] as const;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  async delete(context: StepContext<Input>): Promise<Outcome> {
    const { stanza, clusterId, label, fullsLeft } = context.input;
    const answer = await drive(context, {
      argv: expireSet(stanza, label, fullsLeft),
      host: () => this.leader.find(clusterId),
      read: () => undefined,
      deadlineSeconds,
      patienceMs,
    });
    return answer instanceof Outcome ? answer : next();
  }

  async record(context: StepContext<Input>): Promise<Outcome> {
    const { stanza, clusterId, labels } = context.input;
    const answer = await readStore(context, this.leader, {
      deadlineSeconds: infoDeadlineSeconds,
      patienceMs,
    });
    if (answer instanceof Outcome) return answer;
    const list = answer.value;
    const left = list.items.filter(({ label }) => labels.includes(label)).map(({ label }) => label);
    if (left.length > 0)
      return fail(
        `pgBackRest succeeded, but the store still shows ${left.join(', ')}.`,
        'Look at the output in GET /operations/:id/log for why they were kept.',
      );
    return done(labels).with(async (tx) => {
      await tx.update(StanzaEntity, { name: stanza }, { backups: list });
      const data = { clusterId, stanza, labels };
      await this.outbox.publish(tx, backupsDeleted, stanza, data, { correlationId: context.operationId });
    });
  }
}
