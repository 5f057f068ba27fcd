import { Injectable } from '@nestjs/common';
import { restorePointMade, type OperationError } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { done, Outcome, Program, type OperationContext, type StepContext } from '@pgfleet/operations';
import type { ExitMeaning } from '@pgfleet/pgbackrest';
import type { EntityManager } from 'typeorm';
import { ClusterLeader } from '../leader/cluster-leader';
import { drive } from '../leader/pgbackrest-job';
import { lsnOf } from '../wal/wal-position';
import { instantOf } from '../window/instant';
import { RestorePointRows, type RestorePointInput } from './restore-point-rows';
import { makeRestorePoint, readRestorePoint } from './restore-point-sql';

type Context = OperationContext<RestorePointInput>;

const deadlineSeconds = 30;
/** A restore point is meant for about now. */
const patienceMs = 60_000;

const meaningOf = (code: number): ExitMeaning => ({
  cause: `PostgreSQL made no restore point (psql ended with code ${code})`,
  remedy: 'Look at GET /clusters/:clusterId: when it has a leader that takes writes, retry.',
  passing: true,
});

/**
 * Names the leader's current WAL position. A second run after a crash creates a second point with the same name, a moment later:
 * recovery ends at the first.
 */
@Injectable()
export class MakeRestorePoint extends Program<RestorePointInput> {
  static readonly kind = 'restore-point.create';
  readonly kind = MakeRestorePoint.kind;
  readonly steps = ['make'] as const;

  constructor(
    private readonly leader: ClusterLeader,
    private readonly points: RestorePointRows,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  async make(context: StepContext<RestorePointInput>): Promise<Outcome> {
    const { stanza, clusterId, name } = context.input;
    const answer = await drive(context, {
      argv: makeRestorePoint(name),
      host: () => this.leader.find(clusterId),
      read: readRestorePoint,
      meaningOf,
      deadlineSeconds,
      patienceMs,
    });
    if (answer instanceof Outcome) return answer;
    const moment = answer.value;
    const point = { timeline: moment.timeline, lsn: lsnOf(moment.position), time: instantOf(moment.time) };
    return done(point).with(async (tx) => {
      await this.points.keep(tx, context.operationId, moment);
      const data = { clusterId, stanza, name, ...point };
      await this.outbox.publish(tx, restorePointMade, stanza, data, { correlationId: context.operationId });
    });
  }

  override onFailed({ operationId }: Context, _: OperationError, tx: EntityManager): Promise<void> {
    return this.points.free(tx, operationId);
  }

  override onCancelled({ operationId }: Context, tx: EntityManager): Promise<void> {
    return this.points.free(tx, operationId);
  }

  override async onRetried({ operationId, input }: Context, tx: EntityManager): Promise<void> {
    await this.points.take(tx, input, operationId);
  }
}
