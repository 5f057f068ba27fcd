import { newId } from '@pgfleet/contracts';
import { startServices, type Services } from '@pgfleet/integration';
import { migrate, openDatabase, rows } from '@pgfleet/persistence';
import { LineageKeys } from '../lineages/lineage-keys';
import { SecretBox } from '../secrets/secret-box';
import { AddLineageKeys1799000000000 } from './add-lineage-keys.migration';
import { databaseOptions } from './database-options';
import { LineageEntity } from './lineage.entity';

/** A database from before lineages had their own keys. */
describe('the key of each lineage', () => {
  let services: Services;

  beforeAll(async () => {
    services = await startServices({ postgres: true });
  }, 60_000);
  afterAll(() => services.stop());

  it('is the one that its cluster had for all, and can still be opened; a newer one has another', async () => {
    const options = databaseOptions(await services.postgres.createService('cluster'), undefined);
    const before = options.migrations.indexOf(AddLineageKeys1799000000000);
    await migrate({ ...options, migrations: options.migrations.slice(0, before) });
    const [id, first, second] = [newId('clu'), newId('lin'), newId('lin')];
    const box = new SecretBox(Buffer.alloc(32, 7));
    const sealed = (name: string) => box.seal(`the ${name}`, `${id}/${name}`);
    const old = await openDatabase(options);
    await old.query(
      `insert into clusters (id, name, state, nodes, postgres_version, database_name, database_user, stanza)
       values ($1, 'shop', 'ready', 3, 17, 'app', 'app', $2)`,
      [id, second],
    );
    for (const name of ['backup_cipher', 'customer'])
      await old.query('insert into secrets values ($1, $2, $3)', [id, name, sealed(name)]);
    for (const stanza of [first, second])
      await old.query('insert into lineages (stanza, cluster_id, since) values ($1, $2, now())', [
        stanza,
        id,
      ]);
    await old.destroy();

    await migrate(options);
    const database = await openDatabase(options);
    const keys = new LineageKeys(box);
    const lineages = await database.manager.findBy(LineageEntity, { clusterId: id });
    expect(lineages.map((lineage) => keys.open(lineage))).toEqual(Array(2).fill('the backup_cipher'));
    expect(await rows(database, 'select name from secrets')).toEqual([{ name: 'customer' }]);
    expect(keys.open({ clusterId: id, sealedKey: keys.make(id) })).toMatch(/^\w{32}$/);
    expect(keys.open({ clusterId: id, sealedKey: null })).toBeNull();
    await database.destroy();
  }, 60_000);
});
