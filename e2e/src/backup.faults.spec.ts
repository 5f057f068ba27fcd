import type { Operation } from '@pgfleet/contracts';
import { EventListener } from './event-listener';
import { FaultyCluster } from './faulty-cluster';
import { killServices } from './kill-services';
import { endsOnce, logOf, untilSaid } from './operation-log';
import { testPlatform, testUser, type TestPlatform } from './platform';

const backupMs = 240_000;
/** Said when pgBackRest begins to copy files from a replica: what comes then takes seconds. */
const copying = /replay on the standby reached/;
/** Said when pgBackRest found a lock, its own or another's. */
const locked = /\[050\]/;

/** A cluster of its own, whose machines and services are lost while backups are made. */
describe('faults during backups', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: FaultyCluster;

  const say = (text: string) => process.stderr.write(`backup faults: ${text}\n`);
  const follow = ({ id }: Operation) => endsOnce(platform, events, id, backupMs);
  const keep = (fulls: number) =>
    platform.api.call('PUT', `/clusters/${cluster.id}/backup-policy`, { retention: { fulls, days: 0 } });
  /** Nothing holds a lock: a backup is made at the first try. */
  const backsUpAtOnce = async () => {
    const operation = await follow(await cluster.backUp());
    const made = await cluster.madeBy(operation, events);
    expect(made).toMatchObject({ from: 'replica', insteadOfReplica: null });
    expect((await logOf(platform, operation.id)).filter((line) => locked.test(line))).toEqual([]);
    return made;
  };

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    cluster = await FaultyCluster.make(platform, 'backup-faults', await testUser(platform.api));
    await cluster.fill(120);
  }, 400_000);
  afterAll(async () => {
    await cluster?.remove();
    await events?.stop();
  });

  it(
    'ansible-runner and backup-service are killed at every step: it is made once, and leaves no lock',
    async () => {
      // One more is one too many, so that there is something to expire.
      await keep(1);
      const { id } = await cluster.backUp();
      await untilSaid(platform, id, copying, 60_000);
      const kills: string[] = [];
      const kill = async (step: string) => {
        kills.push(step);
        await killServices(platform, 'ansible-runner', 'backup-service');
      };
      const killedAt = Date.now();
      await kill('back_up_from_replica');
      let killing = Promise.resolve();
      const ended = await platform.api.follow(id, backupMs, ({ steps }) => {
        const running = steps.find(({ state }) => state === 'running')?.name;
        if (running && !kills.includes(running)) killing = kill(running);
      });
      await killing;
      say(`killed at ${kills.join(', ')}: ended after ${Date.now() - killedAt} ms`);
      const ran = ended.steps.filter(({ state }) => state === 'succeeded').map(({ name }) => name);
      // Steps that only look something up may be over before anybody can look.
      expect(ran).toContain('read_again');
      expect(kills).toEqual(expect.arrayContaining(['back_up_from_replica', 'record']));
      await cluster.madeBy(await follow(ended), events);
      await keep(9);
      await backsUpAtOnce();
    },
    2 * backupMs,
  );

  it(
    'the machine of the replica that makes a backup loses power: the leader makes it',
    async () => {
      const { leader, replica } = await cluster.nodes();
      const { id } = await cluster.backUp();
      await untilSaid(platform, id, copying, 60_000);
      const lostAt = Date.now();
      await platform.lab.setPower(replica, 'off');
      const ended = await endsOnce(platform, events, id, backupMs);
      say(`the replica's machine lost: ended after ${Date.now() - lostAt} ms`);
      const made = await cluster.madeBy(ended, events);
      expect(made).toMatchObject({ from: 'leader', member: leader });
      expect(made.insteadOfReplica).toContain(replica);
      await platform.lab.setPower(replica, 'on');
      await cluster.nodes();
    },
    2 * backupMs,
  );
});
