import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { again, next, type Outcome, Program, type StepContext } from '../index';
import { CrashPoints } from './crash-points';

interface Walk {
  /** How long a step takes, in milliseconds. */
  stepMs: number;
}

/** Three steps; each counts its runs outside of any transaction, and has one effect in its commit. The second looks twice. */
@Injectable()
export class WalkProgram extends Program<Walk> {
  readonly kind = 'spec.walk';
  readonly steps = ['one', 'two', 'three'];

  constructor(
    private readonly database: DataSource,
    private readonly crashPoints: CrashPoints,
  ) {
    super();
  }

  one = (ctx: StepContext<Walk>): Promise<Outcome> => this.walk(ctx);
  three = (ctx: StepContext<Walk>): Promise<Outcome> => this.walk(ctx);

  async two(ctx: StepContext<Walk>): Promise<Outcome> {
    const [{ n }] = await this.database.query(
      `SELECT count(*)::int AS n FROM run WHERE operation_id = $1 AND step = 'two'`,
      [ctx.operationId],
    );
    if (n > 0) return this.walk(ctx);
    await this.begin(ctx);
    return again(50);
  }

  private async walk(ctx: StepContext<Walk>): Promise<Outcome> {
    await this.begin(ctx);
    await this.crashPoints.atStep(ctx);
    await pause(ctx.input.stepMs);
    return next({ by: process.pid }).with(async (tx) => {
      await tx.query('INSERT INTO effect (operation_id, step, pid) VALUES ($1, $2, $3)', [
        ctx.operationId,
        ctx.step,
        process.pid,
      ]);
      await this.crashPoints.inCommit(ctx, tx.queryRunner!);
    });
  }

  private async begin(ctx: StepContext<Walk>): Promise<void> {
    await this.database.query('INSERT INTO run (operation_id, step, pid) VALUES ($1, $2, $3)', [
      ctx.operationId,
      ctx.step,
      process.pid,
    ]);
  }
}
