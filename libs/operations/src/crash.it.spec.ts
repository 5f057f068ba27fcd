import { readFileSync } from 'node:fs';
import type { ServiceName } from '@pgfleet/contracts';
import { eventually, type ProgramProcess, type Services, startServices } from '@pgfleet/integration';
import { CrashBench } from './testing/crash-bench';
import { crashPoints } from './testing/crash-points';
import { provisionStreams } from './testing/spec-service';

jest.setTimeout(240_000);

const isFrozen = (process: ProgramProcess): boolean =>
  /^State:\s+T/m.test(readFileSync(`/proc/${process.pid}/status`, 'utf8'));

describe('operations whose process', () => {
  let services: Services;
  const benches: CrashBench[] = [];
  const prepare = async (...args: Parameters<typeof CrashBench.prepare>): Promise<CrashBench> => {
    const bench = await CrashBench.prepare(...args);
    benches.push(bench);
    return bench;
  };

  beforeEach(async () => {
    services = await startServices({ nats: true, postgres: true });
    await provisionStreams(services.nats.url);
  }, 60_000);
  afterEach(async () => {
    await Promise.all(benches.splice(0).map((bench) => bench.end()));
    await services.stop();
  });

  it('is killed at every point of every step end well, each effect and event once', async () => {
    const stops = ['one', 'two', 'three'].flatMap((step) =>
      crashPoints.map((point) => ({ step, point, how: 'SIGKILL' as const })),
    );
    const bench = await prepare(services, 'cluster-service', stops);
    const at = Date.now();
    const workers = Array.from({ length: 5 }, () => bench.keepRunning());
    // Each of the five workers dies three times, starts again beside the others, and what it held waits for the end of its lease: a minute on
    // two cores with nothing else to do, 80 s where they are slow.
    await bench.untilAllIsDone(180_000);
    const seconds = (Date.now() - at) / 1_000;
    await bench.expectExactlyOnce();
    const deaths = await Promise.all(workers.map((stop) => stop()));
    console.log(`${stops.length} operations through ${deaths.join(' + ')} kills in ${seconds} s`);
    expect(deaths.reduce((sum, n) => sum + n)).toBe(stops.length);
  });

  it('freezes are taken over, and the frozen process cannot commit when it wakes up', async () => {
    const frozenAt = async (point: 'step' | 'commit'): Promise<void> => {
      const stop = { step: 'one', point, how: 'SIGSTOP' as const };
      const bench = await prepare(services, `frozen-${point}` as ServiceName, [stop]);
      const frozen = bench.run();
      await eventually(() => expect(isFrozen(frozen)).toBe(true), 20_000);
      const at = Date.now();
      const other = bench.run();
      await bench.untilAllIsDone(45_000);
      console.log(`frozen at ${point}: taken over and ended within ${Date.now() - at} ms`);
      frozen.signal('SIGCONT');
      const said = point === 'step' ? /was taken over by another process/ : /waits for the database/;
      await eventually(() => expect(frozen.log).toMatch(said));
      await bench.expectExactlyOnce();
      expect(await bench.query('SELECT pid FROM $schema.effect')).toEqual(Array(3).fill({ pid: other.pid }));
      for (const process of [frozen, other]) {
        process.signal('SIGTERM');
        expect(await process.ended()).toBe(0);
      }
    };
    await Promise.all([frozenAt('step'), frozenAt('commit')]);
  });
});
