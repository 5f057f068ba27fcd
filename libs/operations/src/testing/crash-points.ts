import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntitySubscriberInterface, type QueryRunner } from 'typeorm';
import { StepWorker } from '../step-worker';

/**
 * Where the fixture's process stops: in the step, in the commit's transaction, after the commit and before the messages are
 * published, after they are published and before that is written down, after that and before the step's message is acknowledged.
 */
export const crashPoints = ['step', 'commit', 'committed', 'published', 'unacknowledged'] as const;
export type CrashPoint = (typeof crashPoints)[number];

interface Running {
  readonly operationId: string;
  readonly step: string;
}

export interface Stop extends Running {
  readonly point: CrashPoint;
  /** SIGKILL for a crash, SIGSTOP for a process that freezes. */
  readonly how: 'SIGKILL' | 'SIGSTOP';
}

/** Which stops are to be made, and which have been: in files, as they are written at the last moment of a process. */
export class StopList {
  constructor(private readonly dir: string) {}

  write(stops: readonly Stop[]): void {
    writeFileSync(this.plan, JSON.stringify(stops));
    writeFileSync(this.made, '');
  }

  /** The stop of that operation and step, null when there is none or it was made. */
  open({ operationId, step }: Running): Stop | undefined {
    const stops = JSON.parse(readFileSync(this.plan, 'utf8')) as Stop[];
    const made = readFileSync(this.made, 'utf8').split('\n');
    return stops.find(
      (stop) => stop.operationId === operationId && stop.step === step && !made.includes(operationId),
    );
  }

  make({ operationId, how }: Stop): void {
    appendFileSync(this.made, `${operationId}\n`);
    process.kill(process.pid, how);
  }

  get countMade(): number {
    return readFileSync(this.made, 'utf8').split('\n').length - 1;
  }

  private get plan(): string {
    return join(this.dir, 'stops.json');
  }

  private get made(): string {
    return join(this.dir, 'stops-made');
  }
}

/** Stops the process at one of the points, once for each stop, whichever process of the service comes by. */
export class CrashPoints {
  /** The stop that is to be made later in the commit, or after it, and the connection of that commit. */
  private armed: { stop: Stop; runner: QueryRunner; committed: boolean } | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly list: StopList,
  ) {}

  async atStep(running: Running): Promise<void> {
    const stop = this.list.open(running);
    if (stop?.point !== 'step') return;
    await this.untilUnarmed();
    this.list.make(stop);
  }

  async inCommit(running: Running, runner: QueryRunner): Promise<void> {
    const stop = this.list.open(running);
    if (!stop) return;
    await this.untilUnarmed();
    if (stop.point === 'commit') this.list.make(stop);
    else this.armed = { stop, runner, committed: false };
  }

  /** A process dies once: what is armed is committed and comes by no second time, so no other stop may be made before it. */
  private async untilUnarmed(): Promise<void> {
    while (this.armed) await pause(20);
  }

  /** Puts the later points into the running service. The product itself knows nothing of them. */
  place(app: INestApplication): void {
    const ofTransactions: EntitySubscriberInterface = {
      afterTransactionCommit: ({ queryRunner }) => {
        if (this.armed?.runner !== queryRunner) return;
        this.armed.committed = true;
        this.stopAt('committed');
      },
      // The step was taken over, and its stop is for the process that has it now.
      afterTransactionRollback: ({ queryRunner }) => {
        if (this.armed?.runner === queryRunner) this.armed = undefined;
      },
    };
    // Before the relay's own.
    this.database.subscribers.unshift(ofTransactions);
    const query = this.database.query.bind(this.database);
    this.database.query = ((sql: string, ...rest: [unknown[]?, QueryRunner?]) => {
      if (sql.startsWith('DELETE FROM outbox WHERE seq')) this.stopAt('published');
      return query(sql, ...rest);
    }) as typeof query;
    const worker = app.get(StepWorker, { strict: false });
    const run = worker.run.bind(worker);
    worker.run = async (message, work) => {
      await run(message, work);
      if (this.armed?.stop.operationId !== message.operationId) return;
      const subject = `%.${message.operationId}`;
      const waiting = () => rows(this.database, 'SELECT FROM outbox WHERE subject LIKE $1', [subject]);
      while ((await waiting()).length > 0);
      this.stopAt('unacknowledged');
      // Another process was the one that published them, and what is in hand here beside waits for the stop: it is made all the same.
      this.stopAt('published');
    };
  }

  private stopAt(point: CrashPoint): void {
    if (this.armed?.committed && this.armed.stop.point === point) this.list.make(this.armed.stop);
  }
}
