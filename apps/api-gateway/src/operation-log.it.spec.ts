import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import {
  backupOperations,
  clusterOperations,
  eventSubject,
  type LogLine,
  logSubject,
  type Operation,
  operationStepStarted,
  operationStepSucceeded,
  operationSucceeded,
} from '@pgfleet/contracts';
import { eventually } from '@pgfleet/integration';
import { EventReader } from './testing/event-reader';
import { GatewayPlatform } from './testing/gateway-platform';
import { anOperation } from './testing/samples';

describe('the log of an operation', () => {
  let platform: GatewayPlatform;
  let operation: Operation;
  beforeAll(async () => {
    platform = await GatewayPlatform.start();
  }, 120_000);
  afterAll(() => platform.stop());
  beforeEach(() => {
    platform.answers.reset();
    operation = { ...anOperation(), steps: [] };
    platform.answers.on(clusterOperations.get, () => operation);
    platform.answers.on(backupOperations.get, () => null);
  });

  const path = () => `/operations/${operation.id}/log`;
  const say = async (...lines: string[]) => {
    for (const line of lines) {
      const entry: LogLine = {
        time: new Date().toISOString(),
        operationId: operation.id,
        step: 'configure',
        stream: 'stdout',
        line,
      };
      await jetstream(platform.nats).publish(logSubject(operation.id), JSON.stringify(entry));
    }
  };
  const finish = async () => {
    operation = { ...operation, state: 'succeeded' };
    await jetstream(platform.nats).publish(eventSubject(operationSucceeded, operation.id), '{}');
  };
  const open = (headers: Record<string, string> = {}) =>
    EventReader.open(`${platform.url}${path()}`, headers);
  const openRaw = () => EventReader.open(`${platform.url}${path()}?raw=true`, {});
  const consumers = async () => {
    const manager = await jetstreamManager(platform.nats);
    return (await manager.streams.info('LOGS')).state.consumer_count;
  };

  it('as JSON: pages of lines, each with its position', async () => {
    await say('one', 'two', 'three');
    const first = await platform.call('GET', `${path()}?limit=2`);
    expect(first.headers.get('content-type')).toMatch(/^application\/json/);
    expect(first.json.items.map((item: LogLine) => item.line)).toEqual(['one', 'two']);
    expect(first.json.next).toBe(first.json.items[1].seq);
    const second = await platform.call('GET', `${path()}?limit=2&after=${first.json.next}`);
    expect(second.json.items.map((item: LogLine) => item.line)).toEqual(['three']);
    expect(second.json.next).toBeNull();
  });

  it('as JSON: an empty page without lines, a 404 without an operation', async () => {
    expect((await platform.call('GET', path())).json).toEqual({ items: [], next: null });
    platform.answers.reset();
    expect((await platform.call('GET', path())).status).toBe(404);
    expect((await platform.call('GET', path(), undefined, { accept: 'text/event-stream' })).status).toBe(404);
  });

  it('as a stream: existing lines, new lines, and the end when the operation ends', async () => {
    await say('before');
    const reader = await open();
    expect(await reader.next()).toMatchObject({ event: 'line', data: { step: 'configure', text: 'before' } });
    await say('while');
    const line = await reader.next();
    expect(line).toMatchObject({ event: 'line', data: { text: 'while', seq: Number(line?.id) } });
    await say('last');
    await finish();
    expect(await reader.next()).toMatchObject({ data: { text: 'last' } });
    expect(await reader.next()).toMatchObject({
      event: 'end',
      data: { id: operation.id, state: 'succeeded' },
    });
    expect(await reader.next()).toBeNull();
  });

  it('as a stream: reports at once which step started, succeeded or failed', async () => {
    const step = { name: 'configure', state: 'running', attempt: 1, endedAt: null } as const;
    const startedAt = new Date(Date.now() - 2_000).toISOString();
    const reader = await open();
    operation = { ...operation, steps: [{ ...step, startedAt }] };
    const publish = (event: typeof operationStepStarted | typeof operationStepSucceeded) =>
      jetstream(platform.nats).publish(eventSubject(event, operation.id), '{}');
    await publish(operationStepStarted);
    expect(await reader.next()).toMatchObject({
      event: 'step',
      data: { step: 'configure', state: 'running', text: 'configure started' },
    });
    const endedAt = new Date(Date.parse(startedAt) + 2_000).toISOString();
    operation = { ...operation, steps: [{ ...step, startedAt, endedAt, state: 'succeeded' }] };
    await publish(operationStepSucceeded);
    expect(await reader.next()).toMatchObject({
      event: 'step',
      data: { state: 'succeeded', text: 'configure succeeded after 2.0 s' },
    });
    await finish();
    expect(await reader.next()).toMatchObject({ event: 'end' });
  });

  it('as a stream: sends the output of programs only on request', async () => {
    const entry = { time: new Date().toISOString(), operationId: operation.id, step: 'configure' };
    const raw: LogLine = { ...entry, stream: 'stdout', line: 'TASK [x] *****', raw: true };
    await jetstream(platform.nats).publish(logSubject(operation.id), JSON.stringify(raw));
    await say('x'.repeat(5_000));
    await finish();
    const reader = await open();
    const [short, end] = [await reader.next(), await reader.next()];
    expect((short?.data as { text: string }).text).toHaveLength(300);
    expect(end?.event).toBe('end');
    const all = await openRaw();
    expect(await all.next()).toMatchObject({ event: 'line', data: { line: 'TASK [x] *****' } });
    expect(((await all.next())?.data as LogLine).line).toHaveLength(5_000);
    all.close();
  });

  it('as a stream: sends all lines and the end of an ended operation at once', async () => {
    await say('one', 'two');
    operation = { ...operation, state: 'failed' };
    const reader = await open();
    const events = [await reader.next(), await reader.next(), await reader.next(), await reader.next()];
    expect(events.map((each) => each?.event)).toEqual(['line', 'line', 'end', undefined]);
  });

  it('as a stream: continues after Last-Event-ID without repeating or skipping a line', async () => {
    await say('one', 'two');
    const reader = await open();
    await reader.next();
    const two = await reader.next();
    reader.close();
    await say('three', 'four');
    const resumed = await open({ 'last-event-id': String(two?.id) });
    expect(await resumed.next()).toMatchObject({ data: { text: 'three' } });
    expect(await resumed.next()).toMatchObject({ data: { text: 'four' } });
    resumed.close();
  });

  it('as a stream: ends even if the end was published before the stream started', async () => {
    await finish();
    const reader = await open();
    expect(await reader.next()).toMatchObject({ event: 'end' });
  });

  it('leaves no consumer in NATS when the reader disconnects', async () => {
    await eventually(async () => expect(await consumers()).toBe(0));
    await say('one');
    const readers = await Promise.all([open(), open(), open()]);
    for (const reader of readers) await reader.next();
    expect(await consumers()).toBe(3);
    for (const reader of readers) reader.close();
    await eventually(async () => expect(await consumers()).toBe(0));
  });

  it('sends ten thousand lines to a slow reader, in order and once each', async () => {
    const count = 10_000;
    const time = new Date().toISOString();
    const entry = { time, operationId: operation.id, step: 'configure', stream: 'stdout', line: '' };
    for (let from = 0; from < count; from += 500) {
      const publishes = Array.from({ length: 500 }, (_, at) => {
        const line = JSON.stringify({ ...entry, line: `${from + at} ${'x'.repeat(200)}` });
        return jetstream(platform.nats).publish(logSubject(operation.id), line);
      });
      await Promise.all(publishes);
    }
    await finish();
    const reader = await openRaw();
    for (let at = 0; at < count; at += 1) {
      const event = await reader.next();
      if (!String((event?.data as LogLine).line).startsWith(`${at} `))
        throw new Error(`line ${at} is missing`);
    }
    expect((await reader.next())?.event).toBe('end');
  }, 60_000);

  it('continues after a restart of NATS', async () => {
    await say('before');
    const reader = await open();
    await reader.next();
    await platform.services.nats.kill();
    await platform.services.nats.start();
    await eventually(() => say('after'), 20_000);
    expect(await reader.next()).toMatchObject({ data: { text: 'after' } });
    await eventually(() => finish(), 20_000);
    expect(await reader.next()).toMatchObject({ event: 'end' });
  }, 60_000);

  it('answers HEAD without a stream', async () => {
    const answer = await platform.call('HEAD', path(), undefined, { accept: 'text/event-stream' });
    expect([answer.status, answer.text]).toEqual([200, '']);
  });
});
