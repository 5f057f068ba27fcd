import { newId } from '@pgfleet/contracts';
import { startServices, type Services } from '@pgfleet/integration';
import { migrate, openDatabase, rows } from '@pgfleet/persistence';
import { AddTls1800000000014 } from './add-tls.migration';
import { databaseOptions } from './database-options';

describe('TLS of clusters', () => {
  let services: Services;

  beforeAll(async () => {
    services = await startServices({ postgres: true });
  }, 60_000);
  afterAll(() => services.stop());

  it('stays optional where it was, and is required of new ones', async () => {
    const options = databaseOptions(await services.postgres.createService('cluster'), undefined);
    const insert = `insert into clusters (id, name, state, nodes, postgres_version, database_name, database_user, stanza)
       values ($1, $2, 'ready', 3, 17, 'app', 'app', $3)`;
    const before = options.migrations.indexOf(AddTls1800000000014);
    await migrate({ ...options, migrations: options.migrations.slice(0, before) });
    const old = await openDatabase(options);
    await old.query(insert, [newId('clu'), 'old', newId('lin')]);
    await old.destroy();

    await migrate(options);
    const database = await openDatabase(options);
    await database.query(insert, [newId('clu'), 'young', newId('lin')]);
    expect(await rows(database, 'select name, tls from clusters order by name')).toEqual([
      { name: 'old', tls: 'optional' },
      { name: 'young', tls: 'required' },
    ]);
    await database.destroy();
  }, 60_000);
});
