import { setTimeout as pause } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { newId, type Operation, type OperationState, ProblemError } from '@pgfleet/contracts';
import { eventually, type Services, startServices } from '@pgfleet/integration';
import { connectNats, startService } from '@pgfleet/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { Announcer } from './announcer';
import { next, Operations, type StepContext, wait } from './index';
import { happened, type Script, ScriptProgram, scripts } from './testing/script.program';
import { makeSchema, provisionStreams, specService } from './testing/spec-service';

jest.setTimeout(30_000);
process.env.PGFLEET_LOG_LEVEL ||= 'silent';

const hourMs = 3_600_000;

describe('scheduled operations', () => {
  let services: Services;
  let url: string;
  let nats: NatsConnection;
  /** Two replicas of the service. */
  let replicas: INestApplication[] = [];

  const startReplica = (): Promise<INestApplication> =>
    startService(
      specService({
        service: 'cluster-service',
        nats: services.nats.url,
        url,
        schema: 'cluster',
        programs: [ScriptProgram],
      }),
      { service: 'cluster-service', httpPort: 0 },
    );
  const startReplicas = async (): Promise<void> => {
    replicas = [await startReplica(), await startReplica()];
  };
  const stopReplicas = async (): Promise<void> => {
    await Promise.all(replicas.map((app) => app.close()));
  };

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true });
    await provisionStreams(services.nats.url);
    url = await makeSchema(services, 'cluster');
    nats = await connectNats({ servers: services.nats.url, name: 'spec' });
    await startReplicas();
  }, 60_000);
  afterAll(async () => {
    await stopReplicas();
    await nats.close();
    await services.stop();
  });

  const operations = (): Operations => replicas[0]!.get(Operations);
  const inTx = <T>(work: (tx: EntityManager) => Promise<T>): Promise<T> =>
    replicas[0]!.get(DataSource).transaction(work);
  const query = <R>(sql: string): Promise<R[]> =>
    services.postgres.query<R>(sql.replaceAll('$schema', 'cluster'));

  const startIn = (
    tx: EntityManager,
    script: string,
    { afterMs, clusterId = null, one = () => next() }: Partial<Order> = {},
  ): Promise<Operation> => {
    scripts.set(script, { one, two: () => next(), three: () => next() } as never);
    const notBefore = afterMs === undefined ? undefined : new Date(Date.now() + afterMs);
    return operations().start(tx, { kind: 'spec.script', clusterId, input: { script }, notBefore });
  };
  const start = (...args: [script: string, order?: Partial<Order>]): Promise<Operation> =>
    inTx((tx) => startIn(tx, ...args));
  /** An operation that changes the cluster until it is told to go on. */
  const hold = (script: string, clusterId: string): Promise<Operation> =>
    start(script, {
      clusterId,
      one: (ctx: StepContext<Script>) => (ctx.signal('go') === undefined ? wait('go', 60_000) : next()),
    });
  const letGo = (id: string) => inTx((tx) => operations().signal(tx, id, 'go', null));

  const until = (id: string, state: OperationState, withinMs = 10_000): Promise<Operation> =>
    eventually(async () => {
      const operation = (await operations().get(id))!;
      expect(operation).toMatchObject({ state });
      return operation;
    }, withinMs);
  /** Its time has come and gone, and it has looked whether the cluster is free. */
  const untilItLooked = (id: string): Promise<void> =>
    eventually(async () => {
      expect(await query(`SELECT FROM $schema.operation WHERE id = '${id}' AND turn > 1`)).toHaveLength(1);
    });
  const startedAt = ({ steps }: Operation): number => Date.parse(steps[0]!.startedAt!);
  const what = (script: string): string[] =>
    happened.filter((one) => one.startsWith(`${script}:`)).map((one) => one.slice(script.length + 1));
  const event = async (id: string, name: string): Promise<unknown> => {
    const manager = await jetstreamManager(nats);
    return eventually(async () => {
      const subject = `events.operation.${id}.${name}`;
      const message = await manager.streams.getMessage('EVENTS', { last_by_subj: subject });
      return message!.json<{ data: unknown }>().data;
    });
  };
  const problemOf = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => undefined,
      (error: unknown) => (error instanceof ProblemError ? error.problem : error),
    );

  it('begin at their time', async () => {
    const late: number[] = [];
    for (const afterMs of [200, 350, 500, 1_100, 1_700]) {
      const { id, scheduledAt } = await start(`on time ${afterMs}`, { afterMs, clusterId: newId('clu') });
      const ended = await until(id, 'succeeded');
      expect(ended.scheduledAt).toBe(scheduledAt);
      expect(what(`on time ${afterMs}`)).toEqual(['one', 'two', 'three', 'done']);
      late.push(startedAt(ended) - Date.parse(scheduledAt!));
      const { durationMs } = (await event(id, 'succeeded')) as { durationMs: number };
      expect(durationMs).toBeLessThanOrEqual(Date.now() - Date.parse(scheduledAt!));
    }
    console.log(`begun ${late.join(', ')} ms after their time`);
    late.sort((a, b) => a - b);
    expect(late[0]).toBeGreaterThan(-50);
    // The median: other programs share the machine.
    expect(late[2]).toBeLessThan(300);
  });

  it('do not keep other operations from changing the cluster', async () => {
    const clusterId = newId('clu');
    const later = await start('later', { afterMs: hourMs, clusterId });
    await start('later still', { afterMs: 2 * hourMs });
    expect(later).toMatchObject({ state: 'scheduled', scheduledAt: expect.any(String) });
    const { id, scheduledAt } = later;
    expect(await event(id, 'created')).toMatchObject({ operationId: id, scheduledAt });
    expect(await inTx((tx) => operations().active(tx, [clusterId]))).toEqual(new Map());

    await until((await start('meanwhile', { clusterId })).id, 'succeeded');
    const order = { kind: 'spec.change', clusterId, input: null, step: 'change' };
    expect(await inTx((tx) => operations().completed(tx, order))).toMatchObject({
      state: 'succeeded',
      scheduledAt: null,
    });
    const { items } = await operations().list({ clusterId, state: 'scheduled', limit: 9 });
    expect(items).toEqual([later]);
    expect(what('later')).toEqual([]);
  });

  it('are cancelled at once', async () => {
    const { id } = await start('unwanted', { afterMs: hourMs });
    expect(await inTx((tx) => operations().cancel(tx, id))).toMatchObject({ id, state: 'cancelled' });
    expect(what('unwanted')).toEqual(['cancelled']);
    expect(await event(id, 'cancelled')).toMatchObject({ operationId: id, step: 'one' });
    expect(await query(`SELECT FROM $schema.outbox WHERE id LIKE '${id}/%'`)).toEqual([]);
    expect(await problemOf(inTx((tx) => operations().cancel(tx, id)))).toMatchObject({ status: 409 });
  });

  it('are found and cancelled by their cluster', async () => {
    const [clusterId, other] = [newId('clu'), newId('clu')];
    const second = await start('second', { afterMs: 2 * hourMs, clusterId });
    const first = await start('first', { afterMs: hourMs, clusterId });
    const elsewhere = await start('elsewhere', { afterMs: hourMs, clusterId: other });
    const holder = await hold('unscheduled', clusterId);

    await inTx(async (tx) => {
      const found = (kind?: string) => operations().scheduledOf(tx, clusterId, kind);
      expect(await found()).toEqual([first.id, second.id]);
      expect(await found('spec.script')).toEqual([first.id, second.id]);
      expect(await found('spec.other')).toEqual([]);
      await operations().cancelScheduled(tx, clusterId);
      expect(await found()).toEqual([]);
    });
    for (const { id } of [first, second]) {
      expect(await operations().get(id)).toMatchObject({ state: 'cancelled' });
      expect(await event(id, 'cancelled')).toMatchObject({ clusterId });
    }
    expect([what('first'), what('second')]).toEqual([['cancelled'], ['cancelled']]);
    expect(await operations().get(elsewhere.id)).toEqual(elsewhere);
    await letGo(holder.id);
    await until(holder.id, 'succeeded');
  });

  it('wait for the operation that is changing the cluster', async () => {
    const clusterId = newId('clu');
    const holder = await hold('holder', clusterId);
    const waiting = await start('waiting', { afterMs: 200, clusterId });
    await pause(1_500);
    await untilItLooked(waiting.id);
    expect(await operations().get(waiting.id)).toMatchObject({ state: 'scheduled' });
    await letGo(holder.id);
    const freeAt = Date.parse((await until(holder.id, 'succeeded')).updatedAt);
    const waitedMs = startedAt(await until(waiting.id, 'succeeded')) - freeAt;
    expect(waitedMs).toBeGreaterThanOrEqual(0);
    // It looks every second: the next look but one at the latest, when other programs hold up one.
    expect(waitedMs).toBeLessThan(2_000);
  });

  it('wait for one that is started at the very time when they are due', async () => {
    const clusterId = newId('clu');
    const due = await start('due', { afterMs: 300, clusterId });
    const sooner = await inTx(async (tx) => {
      const started = await startIn(tx, 'sooner', { clusterId });
      await pause(600);
      return started;
    });
    const ended = await until(sooner.id, 'succeeded');
    expect(startedAt(await until(due.id, 'succeeded'))).toBeGreaterThanOrEqual(Date.parse(ended.updatedAt));
  });

  it('are begun once, and one after the other, by two replicas', async () => {
    const clusterId = newId('clu');
    const names = ['twin a', 'twin b', 'twin c'];
    const twins = await inTx(async (tx) => {
      const started: Operation[] = [];
      for (const name of names) started.push(await startIn(tx, name, { afterMs: 400, clusterId }));
      return started;
    });
    // Further messages of the same turn, which are held back until the time has come as well.
    await inTx(async (tx) => {
      for (const { id } of twins) {
        for (let n = 0; n < 3; n += 1) {
          await replicas[0]!.get(Announcer).repeat(tx, id, 1);
          await pause(2);
        }
      }
    });
    const ended: Operation[] = [];
    for (const { id } of twins) ended.push(await until(id, 'succeeded'));
    for (const name of names) expect(what(name)).toEqual(['one', 'two', 'three', 'done']);
    const inOrder = ended.sort((a, b) => startedAt(a) - startedAt(b));
    for (const [index, one] of inOrder.slice(1).entries()) {
      expect(startedAt(one)).toBeGreaterThanOrEqual(Date.parse(inOrder[index]!.updatedAt));
    }
  });

  it('fail when the cluster is not free within 15 minutes, and begin at once when they are retried', async () => {
    const clusterId = newId('clu');
    const holder = await hold('endless', clusterId);
    const names = ['in vain', 'bad hook failed in vain'];
    const vain: Operation[] = [];
    for (const name of names) vain.push(await start(name, { afterMs: 0, clusterId }));
    for (const { id } of vain) await untilItLooked(id);
    await query(
      `UPDATE $schema.operation SET not_before = not_before - interval '15 minutes' WHERE state = 'scheduled'
         AND cluster_id = '${clusterId}'`,
    );
    const [{ id, error }, badHook] = [await until(vain[0]!.id, 'failed'), await until(vain[1]!.id, 'failed')];
    expect(error).toEqual({
      step: 'one',
      cause: `spec.script ${holder.id} was still changing the cluster 15 minutes after this operation was to begin; it is at step 'one'`,
      remedy: `Wait until ${holder.id} has ended, or cancel it. Then retry this operation: it begins at once.`,
    });
    expect(badHook.error!.cause).toMatch(/\(what follows the failure failed too: the hook is broken\)$/);
    expect(names.map(what)).toEqual([['failed'], ['failed']]);
    expect(await event(id, 'failed')).toMatchObject({ operationId: id, error });

    expect(await problemOf(inTx((tx) => operations().retry(tx, id)))).toMatchObject({
      status: 409,
      operationId: holder.id,
    });
    await letGo(holder.id);
    await until(holder.id, 'succeeded');
    expect(await inTx((tx) => operations().retry(tx, id))).toMatchObject({ state: 'running' });
    await until(id, 'succeeded');
    expect(what('in vain')).toEqual(['failed', 'retried', 'one', 'two', 'three', 'done']);
  });

  it('begin when the service is back that was down at their time', async () => {
    const { id, scheduledAt } = await start('down', { afterMs: 500, clusterId: newId('clu') });
    await stopReplicas();
    await pause(Math.max(0, Date.parse(scheduledAt!) + 500 - Date.now()));
    expect(what('down')).toEqual([]);
    const at = Date.now();
    await startReplicas();
    await until(id, 'succeeded', 5_000);
    console.log(`ended ${Date.now() - at} ms after the service was started`);
  });

  it('begin when their message was lost', async () => {
    const { id } = await inTx(async (tx) => {
      const operation = await startIn(tx, 'lost', { afterMs: hourMs });
      await tx.query(`DELETE FROM outbox WHERE id LIKE '${operation.id}/%'`);
      const aged = `now() - interval '1 minute'`;
      await tx.query(
        `UPDATE operation SET due_at = ${aged}, not_before = ${aged}, announced_at = ${aged} WHERE id = $1`,
        [operation.id],
      );
      return operation;
    });
    await until(id, 'succeeded');
  });
});

interface Order {
  readonly afterMs: number;
  readonly clusterId: string | null;
  readonly one: (ctx: StepContext<Script>) => unknown;
}
