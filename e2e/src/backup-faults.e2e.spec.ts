import { EventListener } from './event-listener';
import { endsOnce, FaultyCluster, untilSaid } from './faults';
import { testPlatform, testUser, type TestPlatform } from './platform';

const backupMs = 240_000;
/** Said when pgBackRest begins to copy files from a replica: what comes then takes seconds. */
const copying = /replay on the standby reached/;

/** A cluster of its own, whose machines are lost while backups are made. */
describe('faults during backups', () => {
  let platform: TestPlatform;
  let events: EventListener;
  let cluster: FaultyCluster;

  const say = (text: string) => process.stderr.write(`backup faults: ${text}\n`);

  beforeAll(async () => {
    platform = await testPlatform();
    events = await EventListener.start(platform, 'new');
    cluster = await FaultyCluster.make(platform, 'backup-faults', await testUser(platform.api));
    await cluster.fill(200);
  }, 400_000);
  afterAll(async () => {
    await cluster?.remove();
    await events?.stop();
  });

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
