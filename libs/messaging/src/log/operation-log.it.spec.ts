import { setTimeout as pause } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { newId } from '@pgfleet/contracts';
import { eventually, type Services, startServices } from '@pgfleet/integration';
import { connectNats, type LogEntry, NatsLink, OperationLog, provision } from '../index';

jest.setTimeout(30_000);

describe('operation log', () => {
  let services: Services;
  let nats: NatsConnection;
  let log: OperationLog;

  beforeAll(async () => {
    services = await startServices({ nats: true });
    nats = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(nats);
    log = new OperationLog(new NatsLink(nats));
  }, 60_000);
  afterAll(async () => {
    await nats.close();
    await services.stop();
  });

  const append = (operationId: string, line: string) =>
    log.append({ operationId, step: 'configure', stream: 'stdout', line });
  const collect = async (lines: AsyncIterable<LogEntry>): Promise<LogEntry[]> => {
    const all: LogEntry[] = [];
    for await (const entry of lines) all.push(entry);
    return all;
  };
  const texts = (entries: LogEntry[]) => entries.map(({ line }) => line.line);
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `line ${from + index}`);

  it('keeps the order of many lines, each operation for itself, and ends with the last', async () => {
    const [one, other] = [newId('op'), newId('op')];
    const at = Date.now();
    await Promise.all(numbers(0, 2_000).flatMap((line) => [append(one, line), append(other, line)]));
    console.log(`4000 lines stored in ${Date.now() - at} ms`);
    expect(texts(await collect(log.read(one, { follow: false })))).toEqual(numbers(0, 2_000));
    expect(await collect(log.read(newId('op'), { follow: false }))).toEqual([]);
  });

  it('goes on after the line that a reader had last', async () => {
    const id = newId('op');
    for (const line of numbers(0, 10)) await append(id, line);
    const all = await collect(log.read(id, { follow: false }));
    const rest = await collect(log.read(id, { follow: false, afterSeq: all[3]!.seq }));
    expect(texts(rest)).toEqual(numbers(4, 10));
    expect(await collect(log.read(id, { follow: false, afterSeq: all[9]!.seq }))).toEqual([]);
  });

  it('follows, also through a restart of nats-server, and ends when the reader has had enough', async () => {
    const id = newId('op');
    const enough = new AbortController();
    const got: LogEntry[] = [];
    const reading = (async () => {
      for await (const entry of log.read(id, { follow: true, signal: enough.signal })) got.push(entry);
    })();
    await append(id, 'line 0');
    await eventually(() => expect(got).toHaveLength(1));
    await services.nats.kill();
    const during = append(id, 'line 1');
    await pause(300);
    await services.nats.start();
    await during;
    await append(id, 'line 2');
    await eventually(() => expect(texts(got)).toEqual(numbers(0, 3)), 15_000);
    enough.abort();
    await reading;
  });
});
