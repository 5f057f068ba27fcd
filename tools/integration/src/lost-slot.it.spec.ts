import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArchivingNode } from './archiving-node';
import { eventually } from './eventually';
import { StreamingReplica } from './streaming-replica';

/** `max_slot_wal_keep_size` in postgres_node relies on this: a replica is not lost when its slot is invalidated. */
describe('a replica that was away for longer than its slot keeps WAL', () => {
  let leader: ArchivingNode;
  afterAll(() => leader?.stop());

  it('catches up from the archive and streams through the same slot again', async () => {
    leader = await ArchivingNode.start('main');
    await leader.must(['pgbackrest', '--stanza=main', 'stanza-create']);
    const replica = await StreamingReplica.of(leader);
    await leader.sql("select pg_create_physical_replication_slot('n2', true)");
    appendFileSync(
      join(leader.folder, 'replica/data/postgresql.auto.conf'),
      "primary_slot_name = 'n2'\nrestore_command = 'pgbackrest --config=/srv/replica/pgbackrest.conf --stanza=main archive-get %f \"%p\"'\nwal_retrieve_retry_interval = '1s'\n",
    );
    await replica.stopServer();
    await leader.sql("alter system set max_slot_wal_keep_size = '16MB'");
    await leader.sql("alter system set wal_keep_size = '0'");
    await leader.sql('select pg_reload_conf()');
    await leader.sql('create table filler (i int)');
    for (let segment = 0; segment < 6; segment++) {
      await leader.sql(`insert into filler values (${segment})`);
      await leader.sql('select pg_switch_wal()');
    }
    const ofSlot = (column: string) =>
      leader.sql(`select ${column} from pg_replication_slots where slot_name = 'n2'`);
    await eventually(async () => {
      await leader.sql('checkpoint');
      expect(await ofSlot('wal_status')).toBe('lost');
    }, 30_000);

    // The replica requests one segment after the other from the archive.
    await replica.startServer(90_000);
    await eventually(async () => {
      const { stdout } = await replica.run(['psql', '-XAtc', 'select count(*) from filler']);
      expect(stdout.trim()).toBe('6');
    }, 30_000);
    expect(await ofSlot('active')).toBe('t');
  }, 180_000);
});
