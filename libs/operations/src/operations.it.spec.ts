import { setTimeout as pause } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import {
  clusterOperations,
  jobFinished,
  type JobResult,
  newId,
  type Operation,
  type OperationState,
  ProblemError,
  type RequestContract,
} from '@pgfleet/contracts';
import { eventually, type Services, startServices } from '@pgfleet/integration';
import {
  connectNats,
  JobOutputs,
  type KeptOutput,
  NatsLink,
  OperationLog,
  Outbox,
  provision,
  Requester,
  startService,
} from '@pgfleet/messaging';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { DataSource, type EntityManager } from 'typeorm';
import {
  again,
  done,
  fail,
  goto,
  Idempotency,
  next,
  JobAgain,
  Operations,
  runJob,
  type StepContext,
  StepFailure,
  wait,
} from './index';
import { happened, type Script, ScriptProgram, scripts } from './testing/script.program';
import { makeSchema, provisionStreams, specService } from './testing/spec-service';

jest.setTimeout(30_000);
process.env.PGFLEET_LOG_LEVEL ||= 'silent';

type Steps = typeof scripts extends Map<string, infer S> ? Partial<S> : never;

describe('operations', () => {
  let services: Services;
  let app: INestApplication;
  let operations: Operations;
  let database: DataSource;
  let nats: NatsConnection;
  let link: NatsLink;

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true });
    await provisionStreams(services.nats.url);
    const url = await makeSchema(services, 'cluster');
    app = await startService(
      specService({
        service: 'cluster-service',
        nats: services.nats.url,
        url,
        schema: 'cluster',
        programs: [ScriptProgram],
      }),
      { service: 'cluster-service', httpPort: 0 },
    );
    operations = app.get(Operations);
    database = app.get(DataSource);
    nats = await connectNats({ servers: services.nats.url, name: 'spec' });
    link = new NatsLink(nats);
  }, 60_000);
  afterAll(async () => {
    await app.close();
    await nats.close();
    await services.stop();
  });

  const inTx = <T>(work: (tx: EntityManager) => Promise<T>): Promise<T> => database.transaction(work);
  const start = (script: string, steps: Steps, clusterId: string | null = null): Promise<Operation> => {
    scripts.set(script, { one: () => next(), two: () => next(), three: () => next(), ...steps } as never);
    return inTx((tx) => operations.start(tx, { kind: 'spec.script', clusterId, input: { script } }));
  };
  const until = (id: string, state: OperationState, withinMs = 10_000): Promise<Operation> =>
    eventually(async () => {
      const operation = (await operations.get(id))!;
      expect(operation).toMatchObject({ state });
      return operation;
    }, withinMs);
  const untilWaiting = (id: string, signal: string): Promise<void> =>
    eventually(async () => {
      const [row] = await database.query('SELECT waiting_for, lease_until FROM operation WHERE id = $1', [
        id,
      ]);
      expect(row).toEqual({ waiting_for: signal, lease_until: null });
    });
  const what = (script: string): string[] =>
    happened.filter((one) => one.startsWith(`${script}:`)).map((one) => one.slice(script.length + 1));
  const signal = (id: string, name: string, payload: unknown = null) =>
    inTx((tx) => operations.signal(tx, id, name, payload));
  const events = async (id: string): Promise<Record<string, number>> => {
    const manager = await jetstreamManager(nats);
    const { state } = await manager.streams.info('EVENTS', { subjects_filter: `events.operation.${id}.>` });
    return Object.fromEntries(
      Object.entries(state.subjects ?? {}).map(([subject, n]) => [subject.split(`${id}.`)[1], n]),
    );
  };
  const problemOf = async (asked: Promise<unknown>) => {
    const error: unknown = await asked.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ProblemError);
    return (error as ProblemError).problem;
  };

  it('runs the steps in order, hands results on, and tells of it', async () => {
    let last: StepContext<Script> | undefined;
    const { id, state, steps } = await start('plain', {
      one: () => next({ machines: 3 }),
      three: (ctx) => {
        last = ctx;
        return next();
      },
    });
    expect(state).toBe('pending');
    expect(steps.map((step) => step.state)).toEqual(['pending', 'pending', 'pending']);
    const ended = await until(id, 'succeeded');
    expect(what('plain')).toEqual(['one', 'two', 'three', 'done']);
    expect(last!.results).toEqual({ one: { machines: 3 }, two: null });
    expect(last!.key).toBe(`${id}/three`);
    for (const step of ended.steps) {
      expect(step).toMatchObject({ state: 'succeeded', attempt: 1, startedAt: expect.any(String) });
    }
    await eventually(async () =>
      expect(await events(id)).toEqual({
        created: 1,
        'step.started': 3,
        'step.succeeded': 3,
        succeeded: 1,
      }),
    );
  });

  it('takes milliseconds from step to step', async () => {
    const ends: number[] = [];
    const count = 20;
    for (let n = 0; n < count; n += 1) {
      const { id } = await start(`quick${n}`, {});
      const operation = await until(id, 'succeeded');
      const [first, , third] = operation.steps;
      ends.push((Date.parse(third!.startedAt!) - Date.parse(first!.startedAt!)) / 2);
    }
    const median = ends.sort((a, b) => a - b)[count / 2]!;
    console.log(`from one step's start to the next one's: median ${median} ms`);
    expect(median).toBeLessThan(100);
  });

  it('can go to another step, back or ahead, and be done early', async () => {
    let visits = 0;
    const { id } = await start('wander', {
      one: () => goto('three'),
      two: () => done('enough'),
      three: () => ((visits += 1) < 2 ? goto('one') : goto('two')),
    });
    const { steps } = await until(id, 'succeeded');
    expect(what('wander')).toEqual(['one', 'three', 'one', 'three', 'two', 'done']);
    expect(steps.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'pending']);
  });

  it('runs a step again after a while, which is no failed attempt', async () => {
    const at: number[] = [];
    const { id } = await start('poll', {
      two: () => (at.push(Date.now()) < 4 ? again(150) : next()),
    });
    const { steps } = await until(id, 'succeeded');
    expect(steps[1]!.attempt).toBe(1);
    for (const [index, time] of at.slice(1).entries()) {
      expect(time - at[index]!).toBeGreaterThanOrEqual(145);
    }
  });

  it('waits for a signal, also for one that came before', async () => {
    const hear = (name: string) => (ctx: StepContext<Script>) =>
      ctx.signal(name) === undefined ? wait(name, 20_000) : next(ctx.signal(name));
    const { id } = await start('signals', { one: hear('first'), two: hear('second') });
    await signal(id, 'second', { n: 2 });
    await untilWaiting(id, 'first');
    expect(await signal(id, 'first', { n: 1 })).toBe(true);
    await until(id, 'succeeded');
    const results = await database.query(
      'SELECT result FROM operation_step WHERE operation_id = $1 ORDER BY position',
      [id],
    );
    expect(results.slice(0, 2)).toEqual([{ result: { n: 1 } }, { result: { n: 2 } }]);
    expect(await signal(id, 'first')).toBe(false);
  });

  it('tells a step that what it waited for did not come', async () => {
    const { id } = await start('deadline', {
      one: (ctx) => (ctx.expired ? fail('nobody called', 'Call.') : wait('call', 300)),
    });
    const { error } = await until(id, 'failed');
    expect(error).toEqual({ step: 'one', cause: 'nobody called', remedy: 'Call.' });
    expect(what('deadline')).toEqual(['one', 'one', 'failed']);
  });

  it('gives a step the whole output of a job, and a failed job when it is lost', async () => {
    const outputs = new JobOutputs(nats);
    const printed = 'x'.repeat(3 * 1024 * 1024);
    const host = { name: 'm1', address: '10.0.0.1', hostKey: 'ssh-ed25519 AAAA' };
    const one = (ctx: StepContext<unknown>) => {
      const result = ctx.signal<JobResult>('job');
      if (result?.state === 'failed') return fail(result.failures[0]!.message, 'Retry.');
      if (result) return next(result.output === printed);
      return runJob({ kind: 'command', host, runAs: 'postgres', argv: ['true'], deadlineSeconds: 60 });
    };
    const finish = async (id: string, kept: KeptOutput) => {
      await untilWaiting(id, 'job');
      const [{ job_id: jobId }] = await database.query('SELECT job_id FROM operation WHERE id = $1', [id]);
      const result = { jobId, operationId: id, step: 'one', state: 'succeeded' as const, exitCode: 0 };
      await inTx((tx) =>
        app.get(Outbox).publish(tx, jobFinished, jobId, { ...result, durationMs: 1, failures: [], ...kept }),
      );
    };
    const whole = await start('long output', { one });
    await finish(whole.id, await outputs.keep(newId('job'), Buffer.from(printed)));
    await until(whole.id, 'succeeded');
    const [{ result }] = await database.query(
      `SELECT result FROM operation_step WHERE operation_id = $1 AND name = 'one'`,
      [whole.id],
    );
    expect(result).toBe(true);

    const gone = await start('lost output', { one });
    await finish(gone.id, { output: null, outputObject: { name: 'gone', bytes: 1 } });
    expect((await until(gone.id, 'failed')).error?.cause).toMatch(/gone.*cannot be read: it is not there/);

    const cut = await start('cut output', { one });
    const kept = await outputs.keep(newId('job'), Buffer.from(printed));
    const { streams } = await jetstreamManager(nats);
    const { state } = await streams.info('OBJ_job_outputs');
    await streams.deleteMessage('OBJ_job_outputs', state.last_seq - 2);
    await finish(cut.id, kept);
    expect((await until(cut.id, 'failed')).error?.cause).toMatch(/pieces of it are missing/);
  });

  it('orders a job with the commit, and goes on when that job, and no other, has ended', async () => {
    const { id } = await start('job', {
      one: (ctx) => {
        const result = ctx.signal<{ output: string }>('job');
        if (result) return next(result.output);
        const host = { name: 'm1', address: '10.0.0.1', hostKey: 'ssh-ed25519 AAAA' };
        return runJob({ kind: 'command', host, runAs: 'postgres', argv: ['true'], deadlineSeconds: 60 });
      },
    });
    await untilWaiting(id, 'job');
    const [{ job_id: jobId }] = await database.query('SELECT job_id FROM operation WHERE id = $1', [id]);
    const finish = (job: string, output: string) =>
      inTx((tx) =>
        app.get(Outbox).publish(tx, jobFinished, job, {
          jobId: job,
          operationId: id,
          step: 'one',
          state: 'succeeded',
          exitCode: 0,
          durationMs: 1,
          failures: [],
          output,
        }),
      );
    await finish(newId('job'), 'of another');
    await finish(jobId, 'a \u0000 in it');
    await until(id, 'succeeded');
    const [{ result }] = await database.query(
      `SELECT result FROM operation_step WHERE operation_id = $1 AND name = 'one'`,
      [id],
    );
    expect(result).toBe('a \u0000 in it');
    const manager = await jetstreamManager(nats);
    const { state } = await manager.streams.info('JOBS', { subjects_filter: 'jobs.command.*' });
    expect(state.subjects).toMatchObject({ [`jobs.command.${jobId}`]: 1 });
  });

  it('orders a job anew when it failed for a reason that may pass, and fails with its cause after the last attempt', async () => {
    const host = { name: 'm1', address: '10.0.0.1', hostKey: 'ssh-ed25519 AAAA' };
    const { id } = await start('job again', {
      one: (ctx) => {
        const result = ctx.signal<{ output: string }>('job');
        if (result) throw new JobAgain(result.output, 'Bring the machine back.');
        if (ctx.expired) throw new Error('an attempt must not begin as expired');
        return runJob({ kind: 'command', host, runAs: 'postgres', argv: ['true'], deadlineSeconds: 60 });
      },
    });
    const jobs: string[] = [];
    for (const attempt of [1, 2, 3]) {
      const jobId = await eventually(async () => {
        await untilWaiting(id, 'job');
        const [{ job_id: now }] = await database.query('SELECT job_id FROM operation WHERE id = $1', [id]);
        if (jobs.includes(now as string)) throw new Error('the same job');
        return now as string;
      });
      jobs.push(jobId);
      await inTx((tx) => operations.jobFinished(tx, id, jobId, { output: `m1 is off (${attempt})` }));
    }
    expect((await until(id, 'failed')).error).toEqual({
      step: 'one',
      cause: 'm1 is off (3)',
      remedy: 'Bring the machine back.',
    });
  });

  it('tries a step again with backoff, says so in the log, and fails after the last attempt', async () => {
    const { id } = await start('broken', {
      two: () => {
        throw new Error('disk is full');
      },
    });
    const { error, steps } = await until(id, 'failed');
    expect(error).toMatchObject({
      step: 'two',
      cause: 'disk is full',
      remedy: expect.stringMatching(/retry/),
    });
    expect(steps.map(({ state, attempt }) => [state, attempt])).toEqual([
      ['succeeded', 1],
      ['failed', 3],
      ['pending', 0],
    ]);
    expect(what('broken')).toEqual(['one', 'two', 'two', 'two', 'failed']);
    const lines: string[] = [];
    for await (const { line } of app.get(OperationLog).read(id, { follow: false })) lines.push(line.line);
    expect(lines).toEqual([
      'Attempt 1 failed: disk is full. Next attempt in 0.1 s.',
      'Attempt 2 failed: disk is full. Next attempt in 0.2 s.',
      'Failed: disk is full',
    ]);
  });

  it('gives its claim up with the commit, also when it was about to be renewed', async () => {
    // The claim is renewed every three seconds: while the commit has the row locked. What is renewed then would keep the next step for nine.
    const { id } = await start('renewed too late', {
      one: () => next().with((tx) => tx.query('SELECT pg_sleep(3.5)')),
    });
    const { steps } = await until(id, 'succeeded', 11_000);
    expect(steps.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
  });

  it('fails at once when trying again is of no use, and goes on from there when it is retried', async () => {
    let broken = true;
    const { id } = await start('mended', {
      two: () => {
        if (broken) throw new StepFailure('no capacity', 'Add machines.');
        return next();
      },
    });
    expect((await until(id, 'failed')).error).toMatchObject({
      cause: 'no capacity',
      remedy: 'Add machines.',
    });
    broken = false;
    expect(await inTx((tx) => operations.retry(tx, id))).not.toHaveProperty('error');
    await until(id, 'succeeded');
    expect(what('mended')).toEqual(['one', 'two', 'failed', 'retried', 'two', 'three', 'done']);
    expect((await problemOf(inTx((tx) => operations.retry(tx, id)))).status).toBe(409);
  });

  it('takes the effects of a step back when one of them fails, and counts that as a failed attempt', async () => {
    let first = true;
    const { id } = await start('effects', {
      one: () =>
        next()
          .with((tx) => tx.query(`INSERT INTO effect VALUES ('effects', 'one', 0)`))
          .with(async () => {
            if (first) {
              first = false;
              throw new Error('not now');
            }
          }),
    });
    const { steps } = await until(id, 'succeeded');
    expect(steps[0]!.attempt).toBe(2);
    expect(await database.query(`SELECT step FROM effect WHERE operation_id = 'effects'`)).toHaveLength(1);
  });

  it('ends also when the hook throws that follows the failure, and says so', async () => {
    const { id } = await start('bad hook failed', { one: () => fail('first cause', 'Mend it.') });
    expect((await until(id, 'failed')).error!.cause).toBe(
      'first cause (what follows the failure failed too: the hook is broken)',
    );
    expect(what('bad hook failed')).toEqual(['one', 'failed']);
  });

  it('is cancelled while it waits, and while a step runs', async () => {
    const waiting = await start('cancel waiting', { two: () => wait('never', 60_000) });
    await untilWaiting(waiting.id, 'never');
    await inTx((tx) => operations.cancel(tx, waiting.id));
    await until(waiting.id, 'cancelled', 2_000);
    expect(what('cancel waiting')).toEqual(['one', 'two', 'cancelled']);

    const running = await start('cancel running', {
      one: async (ctx) => {
        await pause(60_000, undefined, { signal: ctx.abort });
        return next();
      },
    });
    await eventually(() => expect(what('cancel running')).toEqual(['one']));
    await inTx((tx) => operations.cancel(tx, running.id));
    await until(running.id, 'cancelled', 5_000);
    expect(what('cancel running')).toEqual(['one', 'cancelled']);
    expect((await problemOf(inTx((tx) => operations.cancel(tx, running.id)))).status).toBe(409);
  });

  it('lets one operation at a time change a cluster', async () => {
    const clusterId = newId('clu');
    const first = await start(
      'holds',
      { one: (ctx) => (ctx.signal('go') === undefined ? wait('go', 60_000) : next()) },
      clusterId,
    );
    const both = await Promise.allSettled([start('second', {}, clusterId), start('third', {}, clusterId)]);
    for (const refused of both) {
      expect(refused).toMatchObject({
        status: 'rejected',
        reason: { problem: { status: 409, code: 'operation-in-progress', operationId: first.id } },
      });
    }
    const change = { kind: 'spec.change', clusterId, input: null, step: 'change' };
    expect((await problemOf(inTx((tx) => operations.completed(tx, change)))).status).toBe(409);
    expect(await inTx((tx) => operations.active(tx, [clusterId]))).toEqual(new Map([[clusterId, first.id]]));
    await untilWaiting(first.id, 'go');
    await signal(first.id, 'go');
    await until(first.id, 'succeeded');
    expect(await inTx((tx) => operations.completed(tx, change))).toMatchObject({
      state: 'succeeded',
      steps: [{ name: 'change', state: 'succeeded' }],
    });
  });

  it('gives the first answer again for the same idempotency key, and refuses the key for something else', async () => {
    const once = (fingerprint: string) =>
      inTx((tx) =>
        app
          .get(Idempotency)
          .once(tx, { key: 'k', fingerprint }, 'spec', () => Promise.resolve({ n: Math.random() })),
      );
    const answers = await Promise.all([once('a'), once('a'), once('a')]);
    expect(new Set(answers.map(({ n }) => n)).size).toBe(1);
    expect(await problemOf(once('b'))).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
  });

  it('answers a repeated request as before, although what it did would have it refused by now', async () => {
    const checks: string[] = [];
    const request = (fingerprint: string, check: () => Promise<string>) =>
      app
        .get(Idempotency)
        .onceChecked({ key: 'checked', fingerprint }, 'spec', check, (_, by) => Promise.resolve({ by }));
    const passes = (by: string) => () => Promise.resolve(checks.push(by)).then(() => by);
    const refuses = () => Promise.reject(new Error('leads already'));
    expect(await request('a', passes('first'))).toEqual({ by: 'first' });
    expect(await request('a', refuses)).toEqual({ by: 'first' });
    expect(checks).toEqual(['first']);
    expect(await problemOf(request('b', refuses))).toMatchObject({ code: 'idempotency-key-reused' });

    // A request that is repeated while the first is being checked may be refused because of what the first did.
    const late = app.get(Idempotency).onceChecked(
      { key: 'race', fingerprint: 'a' },
      'spec',
      async () => {
        await app
          .get(Idempotency)
          .onceChecked({ key: 'race', fingerprint: 'a' }, 'spec', passes('race'), (_, by) =>
            Promise.resolve({ by }),
          );
        throw new Error('leads already');
      },
      () => Promise.resolve({ by: 'nobody' }),
    );
    expect(await late).toEqual({ by: 'race' });
    const refused = app
      .get(Idempotency)
      .onceChecked({ key: 'never', fingerprint: 'a' }, 'spec', refuses, () => Promise.resolve(1));
    await expect(refused).rejects.toThrow('leads already');
  });

  it('answers the requests for operations', async () => {
    const ask = <R extends RequestContract>(contract: R, input: unknown) =>
      app.get(Requester).ask(contract, input as never);
    const { id } = await start('asked', { one: () => fail('no', 'Yes.') });
    await until(id, 'failed');
    expect(await ask(clusterOperations.get, { operationId: id })).toMatchObject({ id, state: 'failed' });
    expect(await ask(clusterOperations.get, { operationId: newId('op') })).toBeNull();
    const page = (await ask(clusterOperations.list, { limit: 2 })) as { items: Operation[]; next: string };
    expect(page.items[0]!.id).toBe(id);
    const older = (await ask(clusterOperations.list, { limit: 2, before: page.next })) as {
      items: Operation[];
    };
    expect(older.items[0]!.id < page.items[1]!.id).toBe(true);
    const idempotency = { key: 'retry', fingerprint: 'f' };
    const retry = () => ask(clusterOperations.retry, { operationId: id, idempotency });
    const retried = await retry();
    expect(retried).toMatchObject({ id, state: 'running' });
    expect(await retry()).toEqual(retried);
    await until(id, 'failed');
    const cancel = ask(clusterOperations.cancel, { operationId: id, idempotency: null });
    expect((await problemOf(cancel)).status).toBe(409);
  });

  it('goes on when nats-server and PostgreSQL are killed under it, each effect once', async () => {
    const effect = (script: string) => (ctx: StepContext<Script>) =>
      next().with((tx) => tx.query('INSERT INTO effect VALUES ($1, $2, 0)', [script, ctx.step]));
    const slow = (script: string) => async (ctx: StepContext<Script>) => {
      await pause(150);
      return effect(script)(ctx);
    };
    const names = Array.from({ length: 12 }, (_, index) => `storm${index}`);
    const started: Operation[] = [];
    for (const name of names) {
      started.push(await start(name, { one: slow(name), two: slow(name), three: slow(name) }));
    }
    for (const server of [services.nats, services.postgres, services.nats]) {
      await pause(120);
      await server.kill();
      await pause(300);
      await server.start();
    }
    const at = Date.now();
    for (const { id } of started) {
      await eventually(() => until(id, 'succeeded'), 25_000);
    }
    console.log(`12 operations ended ${Date.now() - at} ms after the last restart`);
    const effects = await database.query(
      `SELECT count(*)::int AS n, count(DISTINCT (operation_id, step))::int AS each FROM effect WHERE operation_id LIKE 'storm%'`,
    );
    expect(effects).toEqual([{ n: 36, each: 36 }]);
  });

  it('goes on when NATS has lost its data', async () => {
    const { id } = await start('new world', {
      two: (ctx) => (ctx.signal('go') === undefined ? wait('go', 60_000) : next()),
    });
    await untilWaiting(id, 'go');
    await services.nats.kill();
    services.nats.eraseData();
    await services.nats.start();
    await link.untilUp(AbortSignal.timeout(10_000));
    await provision(nats);
    await signal(id, 'go');
    await until(id, 'succeeded', 15_000);
  });

  it('asks again for an operation whose message was lost', async () => {
    scripts.set('lost', { one: () => next(), two: () => next(), three: () => next() });
    const { id } = await inTx(async (tx) => {
      const order = { kind: 'spec.script', clusterId: null, input: { script: 'lost' } };
      const started = await operations.start(tx, order);
      await tx.query(`DELETE FROM outbox WHERE id LIKE '${started.id}/%'`);
      const aged = `now() - interval '1 minute'`;
      await tx.query(`UPDATE operation SET due_at = ${aged}, announced_at = ${aged} WHERE id = $1`, [
        started.id,
      ]);
      return started;
    });
    await until(id, 'succeeded', 10_000);
  });
});
