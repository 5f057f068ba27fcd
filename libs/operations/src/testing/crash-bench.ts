import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { jetstreamManager } from '@nats-io/jetstream';
import type { ServiceName } from '@pgfleet/contracts';
import { eventually, ProgramProcess, type Services } from '@pgfleet/integration';
import { connectNats } from '@pgfleet/messaging';
import { DataSource } from 'typeorm';
import { Operations } from '../index';
import { CrashPoints, type Stop, StopList } from './crash-points';
import { makeSchema, specService } from './spec-service';
import { WalkProgram } from './walk.program';

export type PlannedStop = Omit<Stop, 'operationId'>;

/** Services hear of each other's operations too. */
const own = 'operation_id IN (SELECT id FROM $schema.operation)';

/** One service with operations of three steps under way, whose processes a spec starts and ends as it likes. */
export class CrashBench {
  private readonly processes = new Set<ProgramProcess>();
  private readonly operations: readonly string[];
  private readonly stops: StopList;
  private readonly dir: string;
  private isOver = false;

  private constructor(
    private readonly services: Services,
    private readonly service: ServiceName,
    private readonly schema: string,
    private readonly url: string,
    stops: readonly Stop[],
  ) {
    this.operations = stops.map(({ operationId }) => operationId);
    this.dir = mkdtempSync(join(tmpdir(), `pgfleet-it-${process.pid}-stops-`));
    this.stops = new StopList(this.dir);
    this.stops.write(stops);
  }

  /** Starts an operation for each stop, and lets a process stop there; none that runs them is there yet. */
  static async prepare(
    services: Services,
    service: ServiceName,
    stops: readonly PlannedStop[],
  ): Promise<CrashBench> {
    const schema = service.replaceAll('-', '_');
    const url = await makeSchema(services, schema);
    const app = await NestFactory.createApplicationContext(
      specService({
        service,
        nats: services.nats.url,
        url,
        schema,
        programs: [WalkProgram],
        providers: [{ provide: CrashPoints, useValue: null }],
      }),
      { logger: false },
    );
    const planned: Stop[] = [];
    await app.get(DataSource).transaction(async (tx) => {
      for (const stop of stops) {
        const order = { kind: 'spec.walk', clusterId: null, input: { stepMs: 100 } };
        const { id } = await app.get(Operations).start(tx, order);
        planned.push({ ...stop, operationId: id });
      }
    });
    await app.close();
    return new CrashBench(services, service, schema, url, planned);
  }

  /** A process of the service. */
  run(): ProgramProcess {
    const process = new ProgramProcess(join(__dirname, 'crash-service.ts'), {
      SERVICE: this.service,
      NATS: this.services.nats.url,
      DATABASE: this.url,
      SCHEMA: this.schema,
      STOPS: this.dir,
      PGFLEET_LOG_LEVEL: 'info',
    });
    this.processes.add(process);
    return process;
  }

  /** A process that is replaced when it dies, as systemd does; returns how to stop that, which gives how often it died. */
  keepRunning(): () => Promise<number> {
    let stopping = false;
    let deaths = 0;
    let process = this.run();
    const watched = (async () => {
      for (;;) {
        const exitCode = await process.ended();
        if (this.isOver) return;
        if (stopping) return expect(exitCode).toBe(0);
        deaths += 1;
        process = this.run();
      }
    })();
    return async () => {
      // One that replaced another a moment ago does not know SIGTERM yet: it would die of it.
      await eventually(() => expect(process.log).toContain('successfully started'), 30_000);
      stopping = true;
      process.signal('SIGTERM');
      await watched;
      return deaths;
    };
  }

  /** Kills every process that is left. */
  async end(): Promise<void> {
    this.isOver = true; // a failed spec may have left some that are replaced when they die
    await Promise.all([...this.processes].map((process) => process.kill()));
    rmSync(this.dir, { recursive: true });
  }

  query<R>(sql: string): Promise<R[]> {
    return this.services.postgres.query<R>(sql.replaceAll('$schema', this.schema));
  }

  /** Every stop was made, every operation has succeeded, every message is out, and the listener has heard it. */
  async untilAllIsDone(withinMs: number): Promise<void> {
    await eventually(async () => {
      const [state] = await this.query<Record<string, number>>(`
        SELECT (SELECT count(*) FROM $schema.operation WHERE state = 'succeeded')::int AS succeeded,
          (SELECT count(*) FROM $schema.outbox)::int AS outbox,
          (SELECT count(DISTINCT (operation_id, what)) FROM $schema.heard WHERE ${own})::int AS heard`);
      const { length } = this.operations;
      const all = { stops: length, succeeded: length, outbox: 0, heard: length * 4 };
      expect({ stops: this.stops.countMade, ...state }).toEqual(all);
    }, withinMs);
  }

  /** Each step's effect once, each event heard once, each event once in the stream. */
  async expectExactlyOnce(): Promise<void> {
    const effects = await this.query(
      'SELECT operation_id, step, count(*)::int AS n FROM $schema.effect GROUP BY 1, 2 ORDER BY 1, 2',
    );
    const once = [...this.operations]
      .sort()
      .flatMap((operation_id) => ['one', 'three', 'two'].map((step) => ({ operation_id, step, n: 1 })));
    expect(effects).toEqual(once);
    const [heard] = await this.query<{ n: number; events: number; what: number }>(
      `SELECT count(*)::int AS n, count(DISTINCT event_id)::int AS events FROM $schema.heard WHERE ${own}`,
    );
    const each = this.operations.length * 4;
    expect(heard).toEqual({ n: each, events: each });
    await this.expectStreamWithoutRepeats();
  }

  private async expectStreamWithoutRepeats(): Promise<void> {
    const nats = await connectNats({ servers: this.services.nats.url, name: 'spec' });
    const manager = await jetstreamManager(nats);
    for (const id of this.operations) {
      const { state } = await manager.streams.info('EVENTS', { subjects_filter: `events.operation.${id}.>` });
      const counts = Object.fromEntries(
        Object.entries(state.subjects ?? {}).map(([subject, n]) => [subject.split(`${id}.`)[1], n]),
      );
      const [attempts] = await this.query<{ n: number }>(
        `SELECT sum(attempt)::int AS n FROM $schema.operation_step WHERE operation_id = '${id}'`,
      );
      const started = attempts!.n;
      expect(counts).toEqual({ created: 1, 'step.started': started, 'step.succeeded': 3, succeeded: 1 });
    }
    await nats.close();
  }
}
