import type { Operation } from '@pgfleet/contracts';
import { ApiRefusal } from '@pgfleet/platform';
import { EventListener } from './event-listener';
import { succeeds, testPlatform, testUser, until, type TestPlatform } from './platform';

const services = [
  'api-gateway',
  'cluster-service',
  'backup-service',
  'healthcheck-scheduler',
  'ansible-runner',
];

interface Victim {
  name: string;
  machine: string;
  /** Ends it like `kill -9`: nothing is reported, nothing is flushed. */
  kill: string;
}

const victims: Victim[] = [
  ...services.map((name) => ({
    name,
    machine: 'control1',
    kill: `systemctl kill -s KILL --kill-whom=main pgfleet-${name} || true`,
  })),
  {
    name: 'nats-server',
    machine: 'infra1',
    kill: 'systemctl kill -s KILL --kill-whom=main nats-server || true',
  },
  {
    name: 'management PostgreSQL',
    machine: 'infra1',
    kill: 'kill -9 $(head -n 1 /var/lib/postgresql/17/main/postmaster.pid) || true; systemctl --no-block start postgresql@17-main',
  },
];

const wantedKills = 21;
const betweenKillsMs = [2500, 6000] as const;

/** A random generator with a printed seed, so that a sequence of kills can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe('kill -9 of every part of the control plane while clusters are being created', () => {
  let platform: TestPlatform;
  let events: EventListener;
  const operations: Operation[] = [];
  const kills: string[] = [];

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform);
  });
  afterAll(() => events?.stop());

  it('every creation ends ready', async () => {
    const userId = await testUser(platform.api);
    const seed = Number(process.env.PGFLEET_SEED ?? Date.now() % 100_000);
    process.stderr.write(`kills: PGFLEET_SEED=${seed}\n`);
    const random = randomFrom(seed);
    const key = { 'idempotency-key': `kills-${seed}` };

    // The answer may be lost with the killed part. The idempotency key makes repeating the request safe.
    const create = (index: number): Promise<Operation> =>
      until(
        () =>
          platform.api
            .call<Operation>(
              'POST',
              '/clusters',
              { name: `kills-${index}`, userId, nodes: 2 },
              { ...key, 'idempotency-key': `kills-${seed}-${index}` },
            )
            .catch(orAway),
        (operation): operation is Operation => operation !== null,
        60_000,
        500,
      );

    let creating = true;
    const creations = (async () => {
      for (let index = 0; kills.length < wantedKills; index++) {
        const operation = await create(index);
        operations.push(operation);
        const ended = await platform.api.follow(operation.id, 420_000);
        expect({ kills, error: ended.error, state: ended.state }).toMatchObject({ state: 'succeeded' });
        // Give machines back at once, because this host has two cores. Check them first.
        await checkOneSetOfMachines(ended);
      }
      creating = false;
    })().finally(() => (creating = false));
    const killing = (async () => {
      const order = shuffled(random);
      while (creating && kills.length < wantedKills + 9) {
        const [least, most] = betweenKillsMs;
        await new Promise((resolve) => setTimeout(resolve, least + random() * (most - least)));
        const victim = order.next().value as Victim;
        await platform.on(victim.machine, victim.kill);
        kills.push(victim.name);
      }
    })();
    await Promise.all([creations, killing]);
    expect(kills.length).toBeGreaterThanOrEqual(20);
    expect(new Set(kills).size).toBe(victims.length);
    process.stderr.write(`kills: ${kills.length} during ${operations.length} creations\n`);
  });

  it('no event was lost, and none is there twice for a consumer that deduplicates', async () => {
    for (const { id, clusterId, steps } of operations) {
      await events.until('operation.succeeded', id, 30_000);
      expect(events.of('operation.created', id)).toHaveLength(1);
      expect(events.of('operation.succeeded', id)).toHaveLength(1);
      const succeeded = events.of('operation.step.succeeded', id).map(({ data }) => data.step);
      expect(succeeded).toEqual(steps.map(({ name }) => name));
      for (const name of ['cluster.created', 'cluster.ready', 'cluster.leader.changed']) {
        expect({ name, heard: events.of(name, clusterId ?? '') }).toMatchObject({ heard: { length: 1 } });
      }
    }
  });

  it('everything is given back', async () => {
    for (const { clusterId } of operations) {
      const { id } = await until(
        () => platform.api.deleteCluster(clusterId ?? '').catch(orAway),
        (answer): answer is Operation => answer !== null,
        60_000,
        500,
      );
      await succeeds(platform.api, id, 180_000);
    }
    const left = (await platform.lab.list()).map(({ name }) => name);
    for (const { clusterId } of operations)
      expect(left.filter((name) => name.startsWith((clusterId ?? '').slice(-12)))).toEqual([]);
  });

  /** Exactly one set of machines, one system identifier, one history: nothing was created twice. */
  async function checkOneSetOfMachines({ clusterId }: Operation): Promise<void> {
    const id = clusterId ?? '';
    const machines = (await platform.lab.list()).filter(({ labels }) => labels.cluster === id);
    expect(machines.map(({ name }) => name).sort()).toEqual(
      ['1', '2', 'lb'].map((tail) => `${id.slice(-12)}-${tail}`),
    );
    const cluster = await until(
      () => platform.api.cluster(id).catch(() => null),
      (seen) => seen?.state === 'ready',
      60_000,
    );
    expect(cluster?.members).toHaveLength(2);
    expect(cluster?.timeline).toBe(1);
  }
});

/** A killed part is back in a moment: treat a 503 or a missing answer as no answer yet. */
const orAway = (error: unknown): null => {
  if (error instanceof ApiRefusal && error.status !== 503) throw error;
  return null;
};

/** Every victim once, in random order, again and again. */
function* shuffled(random: () => number): Generator<Victim> {
  for (;;) {
    const round = victims.map((victim) => ({ victim, key: random() })).sort((a, b) => a.key - b.key);
    for (const { victim } of round) yield victim;
  }
}
