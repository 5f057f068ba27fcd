import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  conflict,
  drillFailed,
  drillSucceeded,
  proveRestore,
  type OperationError,
  type ProvenRestores,
  type RestoreMarks,
  type RestoreTarget,
  type RestoresToProve,
  type RestoreToProve,
} from '@pgfleet/contracts';
import { Outbox, Requester } from '@pgfleet/messaging';
import {
  again,
  done,
  fail,
  next,
  Outcome,
  Program,
  wait,
  type OperationContext,
  type StepContext,
} from '@pgfleet/operations';
import type { ExitMeaning } from '@pgfleet/pgbackrest';
import { Counter } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { Lineages } from '../stanzas/lineages';
import { instantOf, microsecondsOf } from '../window/instant';
import { RecoveryWindows } from '../window/recovery-windows';
import { canaryRows, readWritten, writeCanaries, type Written } from './canary-sql';
import { drillResult } from './drill-result';
import { DrillRows, type DrillInput } from './drill-rows';
import { momentAt, randomMoment, type MomentToProve } from './moment-to-prove';

const count = new Counter({
  name: 'pgfleet_drills_total',
  help: 'Restore drills that ended.',
  labelNames: ['outcome'],
});

/** How cluster-service's proof ended. */
export type ProofEnd = { restores: ProvenRestores } | { cause: string; remedy: string };
type Context = OperationContext<DrillInput>;

const writeSeconds = 60;
const leaderMs = 60_000;
/** How long to wait for a switched segment to be archived and reported. */
const archivedMs = 180_000;
const lookAgainMs = 1_000;
/** Enough for two restores of a large database, with a check of all its data. */
const provenMs = 7 * 24 * 3600_000;
const noRows: RestoreMarks['rows'] = { present: [], absent: [] };
const noTransactions: RestoreMarks['transactions'] = { present: [], absent: [] };

const meaningOf = (code: number): ExitMeaning => ({
  cause: `PostgreSQL did not take the canary rows (psql ended with code ${code})`,
  remedy: 'Look at GET /clusters/:clusterId: when it has a leader that takes writes, start another drill.',
  passing: true,
});

/**
 * Proves that the cluster can be restored. Writes two canary rows. cluster-service then restores from the repository on a
 * separate machine: once to the position between the rows, and once to a moment of the window.
 */
@Injectable()
export class RunDrill extends Program<DrillInput> {
  static readonly kind = 'backup.drill';
  readonly kind = RunDrill.kind;
  readonly steps = ['write_canaries', 'choose', 'prove'] as const;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly lineages: Lineages,
    private readonly windows: RecoveryWindows,
    private readonly requester: Requester,
    private readonly rows: DrillRows,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  async write_canaries(context: StepContext<DrillInput>): Promise<Outcome> {
    const answer = await drive(context, {
      argv: writeCanaries(canaryRows(context.operationId)),
      host: () => this.leader.find(context.input.clusterId),
      read: readWritten,
      meaningOf,
      deadlineSeconds: writeSeconds,
      patienceMs: leaderMs,
    });
    return answer instanceof Outcome ? answer : next(answer.value);
  }

  /** Waits until the archive has both rows, then decides what to restore, how, and what the result must contain. */
  async choose(context: StepContext<DrillInput>): Promise<Outcome> {
    const { stanza, backup } = context.input;
    const { lsn } = context.results.write_canaries as Written;
    const present = await this.reach(stanza, { type: 'lsn', lsn, inclusive: false });
    if (typeof present === 'string') {
      if (Date.now() - context.stepStartedAt.getTime() < archivedMs) return again(lookAgainMs);
      return fail(
        `What was written at the beginning of the drill cannot be restored after ${archivedMs / 1000} s: ${present}`,
        'Look at GET /clusters/:clusterId/wal for whether the archive advances, then start another drill.',
      );
    }
    const { before, after } = canaryRows(context.operationId);
    const newest = backup ? await this.reach(stanza, { type: 'backup', label: backup }) : present;
    if (typeof newest === 'string')
      return fail(newest, 'Choose another backup: GET /clusters/:clusterId/backups.');
    const rows = backup ? { present: [], absent: [before, after] } : { present: [before], absent: [after] };
    const moment = await this.chooseMoment(context);
    if (typeof moment === 'string') return fail(moment, 'Choose another moment, or none.');
    if (!moment) await context.note('The window is too young for a moment in it to be proven as well.');
    return next({
      newest: { ...newest, marks: { rows, transactions: noTransactions } },
      moment,
    } satisfies RestoresToProve);
  }

  async prove(context: StepContext<DrillInput>): Promise<Outcome> {
    const { clusterId, stanza } = context.input;
    const end = context.signal<ProofEnd>('proof');
    if (end) return 'cause' in end ? fail(end.cause, end.remedy) : this.proven(context, end.restores);
    if (context.expired)
      return fail(
        'cluster-service has not said how the proof ended.',
        'Look at its operations of kind cluster.proof in GET /operations.',
      );
    const restores = context.results.choose as RestoresToProve;
    const order = { clusterId, stanza, requestedBy: context.operationId, restores };
    const { id } = await this.requester.ask(proveRestore, order);
    await context.note(`Operation ${id} restores, on a machine of its own.`);
    return wait('proof', provenMs);
  }

  override onFailed(context: Context, { cause, remedy }: OperationError, tx: EntityManager): Promise<void> {
    return this.failed(context, { cause, remedy }, tx);
  }

  override onCancelled(context: Context, tx: EntityManager): Promise<void> {
    return this.failed(context, { cause: 'The drill was cancelled.', remedy: 'Start another one.' }, tx);
  }

  override onRetried(): Promise<void> {
    throw conflict('What the drill was to prove is of the past.', {
      remedy: 'Start another one: POST /clusters/:clusterId/drills.',
    });
  }

  private async proven(context: StepContext<DrillInput>, restores: ProvenRestores): Promise<Outcome> {
    const { input, operationId } = context;
    const { clusterId, stanza } = input;
    const { databaseBytes } = context.results.write_canaries as Written;
    const { backups } = await this.lineages.named(stanza);
    const backup = backups?.items.find(({ label }) => label === restores.newest.backupLabel);
    // A backup that has expired since then was still proven.
    const result = drillResult(restores, backup ?? { databaseBytes }, databaseBytes);
    return done(result).with(async (tx) => {
      await this.rows.succeed(tx, operationId, input, result);
      const data = { clusterId, stanza, result };
      await this.outbox.publish(tx, drillSucceeded, stanza, data, { correlationId: operationId });
      count.inc({ outcome: 'succeeded' });
    });
  }

  private async chooseMoment({ input }: StepContext<DrillInput>): Promise<RestoreToProve | string | null> {
    const { stanza, time } = input;
    const { span } = await this.windows.see(await this.lineages.named(stanza));
    const moment: MomentToProve | null = time
      ? momentAt(span, microsecondsOf(time))
      : randomMoment(span, randomInt(2 ** 47) / 2 ** 47);
    if (!moment) return null;
    const restore = await this.reach(stanza, { type: 'time', time: instantOf(moment.time) });
    if (typeof restore === 'string') return restore;
    return { ...restore, marks: { rows: noRows, transactions: moment.transactions } };
  }

  /** How to restore to a target, or why it is impossible. */
  private async reach(
    stanza: string,
    target: RestoreTarget,
  ): Promise<Omit<RestoreToProve, 'marks'> | string> {
    const check = await this.windows.check(stanza, target);
    if (!check.ok) return check.reason;
    return { backupLabel: check.backupLabel, timeline: check.timeline, target: check.target };
  }

  private async failed(
    { input, operationId }: Context,
    { cause, remedy }: { cause: string; remedy: string },
    tx: EntityManager,
  ): Promise<void> {
    const { clusterId, stanza } = input;
    await this.rows.fail(tx, operationId, input, cause);
    count.inc({ outcome: 'failed' });
    const data = { clusterId, stanza, cause, remedy };
    await this.outbox.publish(tx, drillFailed, stanza, data, { correlationId: operationId });
  }
}
