import { Injectable } from '@nestjs/common';
import { backupFailed, backupSucceeded, type OperationError } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import {
  done,
  fail,
  next,
  Outcome,
  Program,
  type OperationContext,
  type StepContext,
} from '@pgfleet/operations';
import { backup, info, labelOf, type BackupType } from '@pgfleet/pgbackrest';
import type { EntityManager } from 'typeorm';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { StanzaEntity } from '../persistence/stanza.entity';
import { readList } from './backup-list';

export interface BackupInput {
  stanza: string;
  clusterId: string;
  type: BackupType;
}
type Context = OperationContext<BackupInput>;

/** A backup may take as long as it takes: the longest that a job may. */
const backupDeadlineSeconds = 24 * 3600;
const infoDeadlineSeconds = 60;
/** For a leader to be found, and for another pgBackRest process to end. */
const patienceMs = 600_000;

/** Makes a backup on the leader, then reads from the store what came of it. */
@Injectable()
export class RunBackup extends Program<BackupInput> {
  static readonly kind = 'backup.run';
  readonly kind = RunBackup.kind;
  readonly steps = ['back_up', 'record'] as const;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  /** The result is the label of the backup. */
  async back_up(context: StepContext<BackupInput>): Promise<Outcome> {
    const { stanza, clusterId, type } = context.input;
    const answer = await drive(context, {
      argv: backup(stanza, type),
      host: () => this.leader.find(clusterId),
      read: labelOf,
      deadlineSeconds: backupDeadlineSeconds,
      patienceMs,
    });
    if (answer instanceof Outcome) return answer;
    if (answer.value) return next(answer.value);
    return fail(
      'pgBackRest succeeded without naming the backup that it made.',
      'Look at the output in GET /operations/:id/log, and at GET /clusters/:clusterId/backups.',
    );
  }

  async record(context: StepContext<BackupInput>): Promise<Outcome> {
    const { stanza, clusterId } = context.input;
    const answer = await drive(context, {
      argv: info(stanza),
      host: () => this.leader.findAny(clusterId),
      read: readList,
      deadlineSeconds: infoDeadlineSeconds,
      patienceMs,
    });
    if (answer instanceof Outcome) return answer;
    const list = answer.value;
    const made = list.items.find(({ label }) => label === context.results.back_up);
    if (!made) {
      return fail(
        `The store does not show the backup ${String(context.results.back_up)}.`,
        'Look whether something else expires or deletes backups in the store.',
      );
    }
    return done(made.label).with(async (tx) => {
      await tx.update(StanzaEntity, { name: stanza }, { backups: list });
      const data = { clusterId, stanza, backup: made };
      await this.outbox.publish(tx, backupSucceeded, stanza, data, { correlationId: context.operationId });
    });
  }

  override onFailed(context: Context, { cause }: OperationError, tx: EntityManager): Promise<void> {
    return this.failed(context, cause, tx);
  }

  override onCancelled(context: Context, tx: EntityManager): Promise<void> {
    return this.failed(context, 'The backup was cancelled.', tx);
  }

  private async failed({ input, operationId }: Context, cause: string, tx: EntityManager): Promise<void> {
    const { stanza, clusterId, type } = input;
    const data = { clusterId, stanza, type, cause };
    await this.outbox.publish(tx, backupFailed, stanza, data, { correlationId: operationId });
  }
}
