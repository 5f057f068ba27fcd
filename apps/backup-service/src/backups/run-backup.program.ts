import { Injectable } from '@nestjs/common';
import { backupFailed, backupSucceeded, type JobResult, type OperationError } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import {
  again,
  done,
  fail,
  goto,
  next,
  Outcome,
  Program,
  type OperationContext,
  type StepContext,
} from '@pgfleet/operations';
import {
  backup,
  backupFromReplica,
  expire,
  labelOf,
  splitStoreContents,
  storeContents,
  type BackupType,
} from '@pgfleet/pgbackrest';
import { Counter } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { replicaFault } from '../leader/replica-fault';
import { StanzaEntity } from '../persistence/stanza.entity';
import { Policies } from '../policy/policies';
import { fullsToKeep } from '../policy/retention';
import { Lineages } from '../stanzas/lineages';
import { ArchiveChecks } from '../window/archive-checks';
import { readList } from './backup-list';
import { readStore } from './read-store';

const count = new Counter({
  name: 'pgfleet_backups_total',
  help: 'Backups that ended.',
  labelNames: ['type', 'outcome'],
});

export interface BackupInput {
  stanza: string;
  clusterId: string;
  type: BackupType;
}
type Context = OperationContext<BackupInput>;

/** The result of the attempt on a replica. */
interface ReplicaResult {
  label?: string;
  insteadOfReplica?: string;
}

/** A backup may take as long as it needs, up to the longest that a job may run. */
const backupDeadlineSeconds = 24 * 3600;
const infoDeadlineSeconds = 60;
/** An object store lists a thousand objects per request, but deletes one at a time. */
const walkDeadlineSeconds = 3600;
/** How long to wait for a leader, and for another pgBackRest process to end. */
const patienceMs = 600_000;
const lookAgainMs = 500;

/** The label of the backup, once pgBackRest has named it. */
const labelMade = ({ results }: Pick<Context, 'results'>): string | undefined =>
  ((results.back_up_from_replica ?? {}) as ReplicaResult).label ?? (results.back_up as string | undefined);

const nameless = (): Outcome =>
  fail(
    'pgBackRest succeeded without naming the backup that it made.',
    'Look at the output in GET /operations/:id/log, and at GET /clusters/:clusterId/backups.',
  );

/**
 * Creates a backup on a replica, or on the leader when no replica can or the policy says so. Then reads the result from the
 * repository, checks that it has every WAL segment that the window needs, and removes what the policy no longer keeps.
 */
@Injectable()
export class RunBackup extends Program<BackupInput> {
  static readonly kind = 'backup.run';
  readonly kind = RunBackup.kind;
  readonly steps = ['back_up_from_replica', 'back_up', 'record', 'expire', 'read_again'] as const;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly outbox: Outbox,
    private readonly policies: Policies,
    private readonly lineages: Lineages,
    private readonly archive: ArchiveChecks,
  ) {
    super();
  }

  /** One attempt. The result is the label of the backup, or why the leader must create it instead; null when the policy says so. */
  async back_up_from_replica(context: StepContext<BackupInput>): Promise<Outcome> {
    const { stanza, clusterId, type } = context.input;
    if ((await this.policies.stored(clusterId)).from === 'leader') return next();
    const result = context.signal<JobResult>('job');
    if (result?.state === 'failed') return this.leaveToLeader(context, replicaFault(result));
    const ordered = result !== undefined || context.expired;
    const { leader, replica } = await this.leader.findPair(clusterId);
    if (!ordered) {
      // Without a leader, look again for a while, then leave it to the step on the leader, which fails if there is none. A
      // replica matters only once there is a leader.
      const waitedMs = Date.now() - context.stepStartedAt.getTime();
      if (!leader && waitedMs < patienceMs) return again(lookAgainMs);
      if (!leader || !replica) return this.leaveToLeader(context, 'no replica streams from the leader');
    }
    const answer = await drive(context, {
      argv: ({ name }) =>
        backupFromReplica(stanza, type, { member: name, leaderAddress: leader?.address ?? '' }),
      host: () => Promise.resolve(replica),
      read: labelOf,
      deadlineSeconds: backupDeadlineSeconds,
      patienceMs: 0,
    });
    if (answer instanceof Outcome) return answer;
    return answer.value ? goto('record', { label: answer.value }) : nameless();
  }

  /** The result is the label of the backup. */
  async back_up(context: StepContext<BackupInput>): Promise<Outcome> {
    const { stanza, clusterId, type } = context.input;
    const { insteadOfReplica } = (context.results.back_up_from_replica ?? {}) as ReplicaResult;
    const answer = await drive(context, {
      argv: ({ name: member }) => backup(stanza, type, { member, insteadOfReplica }),
      host: () => this.leader.find(clusterId),
      read: labelOf,
      deadlineSeconds: backupDeadlineSeconds,
      patienceMs,
    });
    if (answer instanceof Outcome) return answer;
    return answer.value ? next(answer.value) : nameless();
  }

  async record(context: StepContext<BackupInput>): Promise<Outcome> {
    const { stanza, clusterId } = context.input;
    const segmentBytes = await this.archive.segmentBytes(stanza);
    const answer = await drive(context, {
      argv: storeContents(stanza, segmentBytes),
      host: () => this.leader.findAny(clusterId),
      read: (stdout) => {
        const { info, runs } = splitStoreContents(stdout);
        return { list: readList(info), runs };
      },
      printsData: true,
      deadlineSeconds: walkDeadlineSeconds,
      patienceMs,
    });
    if (answer instanceof Outcome) return answer;
    const { list, runs } = answer.value;
    const label = labelMade(context);
    const made = list.items.find((item) => item.label === label);
    if (!made) {
      return fail(
        `The store does not show the backup ${String(label)}.`,
        'Look whether something else expires or deletes backups in the store.',
      );
    }
    return next(made.label).with(async (tx) => {
      await tx.update(StanzaEntity, { name: stanza }, { backups: list });
      const data = { clusterId, stanza, backup: made };
      await this.outbox.publish(tx, backupSucceeded, stanza, data, { correlationId: context.operationId });
      await this.archive.keep(tx, stanza, runs, { label: made.label, operationId: context.operationId });
      count.inc({ type: made.type, outcome: 'succeeded' });
    });
  }

  /** The backup command does not expire anything itself: pgBackRest keeps by number or by age, but the policy says both. */
  async expire(context: StepContext<BackupInput>): Promise<Outcome> {
    const { stanza, clusterId } = context.input;
    const items = (await this.lineages.named(stanza)).backups?.items ?? [];
    const fulls = items.filter(({ type }) => type === 'full').length;
    const keep = fullsToKeep(items, (await this.policies.stored(clusterId)).retention, new Date());
    if (keep >= fulls) return done(context.results.record);
    const answer = await drive(context, {
      argv: expire(stanza, keep),
      host: () => this.leader.find(clusterId),
      read: () => undefined,
      deadlineSeconds: walkDeadlineSeconds,
      patienceMs,
    });
    return answer instanceof Outcome ? answer : next(keep);
  }

  async read_again(context: StepContext<BackupInput>): Promise<Outcome> {
    const { stanza } = context.input;
    const answer = await readStore(context, this.leader, {
      deadlineSeconds: infoDeadlineSeconds,
      patienceMs,
    });
    if (answer instanceof Outcome) return answer;
    const list = answer.value;
    return done(context.results.record).with((tx) =>
      tx.update(StanzaEntity, { name: stanza }, { backups: list }),
    );
  }

  override onFailed(context: Context, { cause }: OperationError, tx: EntityManager): Promise<void> {
    return this.failed(context, cause, tx);
  }

  override onCancelled(context: Context, tx: EntityManager): Promise<void> {
    return this.failed(context, 'The backup was cancelled.', tx);
  }

  private async leaveToLeader(context: StepContext<BackupInput>, reason: string): Promise<Outcome> {
    await context.note(`Not made from a replica: ${reason}. The leader makes it.`);
    return next({ insteadOfReplica: reason } satisfies ReplicaResult);
  }

  private async failed(context: Context, why: string, tx: EntityManager): Promise<void> {
    const { input, operationId, results } = context;
    // The backup itself succeeded, and its event has been published.
    if (results.record !== undefined) return;
    count.inc({ type: input.type, outcome: 'failed' });
    const { stanza, clusterId, type } = input;
    const label = labelMade(context);
    const cause = label ? `After pgBackRest had made the backup ${label}: ${why}` : why;
    const data = { clusterId, stanza, type, cause };
    await this.outbox.publish(tx, backupFailed, stanza, data, { correlationId: operationId });
  }
}
