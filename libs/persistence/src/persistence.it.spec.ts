import { startServices, type Services } from '@pgfleet/integration';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { isDatabaseGone, migrate, openDatabase, rows, untilDatabaseAnswers } from './index';

class MakeThing1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE thing (id integer PRIMARY KEY)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE thing');
  }
}

describe('persistence', () => {
  let services: Services;
  const options = { url: '', schema: 'shop', entities: [], migrations: [MakeThing1700000000001] };

  beforeAll(async () => {
    services = await startServices({ postgres: true });
    options.url = await services.postgres.createService('shop');
  }, 60_000);
  afterAll(() => services.stop());

  it("runs each migration once, in the service's own schema, also when two start at the same time", async () => {
    const ran = await Promise.all([migrate(options), migrate(options)]);
    expect(ran.flat()).toEqual(['MakeThing1700000000001']);
    const tables = await services.postgres.query<{ table_schema: string }>(
      `SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 2`,
    );
    expect(tables).toEqual([
      { table_schema: 'shop', table_name: 'migration' },
      { table_schema: 'shop', table_name: 'thing' },
    ]);
    expect(await migrate(options)).toEqual([]);
  });

  it('waits for a database that is not there yet, and throws at once when the answer is no', async () => {
    await services.postgres.kill();
    const opening = openDatabase(options);
    await services.postgres.start();
    const database = await opening;
    expect(await rows(database, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.destroy();
    const wrong = { ...options, url: options.url.replace('integration', 'wrong') };
    await expect(openDatabase(wrong)).rejects.toThrow(/password authentication failed/);
  });

  it('survives kill -9 of the server, idle and in a transaction, and tells such an error from a refusal', async () => {
    const database = await openDatabase(options);
    const inTransaction = database.transaction(async (tx) => {
      await tx.query('INSERT INTO thing VALUES (1)');
      await services.postgres.kill();
      await tx.query('INSERT INTO thing VALUES (2)');
    });
    const lost: unknown = await inTransaction.catch((error: unknown) => error);
    expect(isDatabaseGone(lost)).toBe(true);
    const refused: unknown = await database.query('SELECT 1').catch((error: unknown) => error);
    expect(isDatabaseGone(refused)).toBe(true);
    await services.postgres.start();
    await untilDatabaseAnswers(database);
    expect(await rows(database, 'SELECT id FROM thing')).toEqual([]);
    const wrong: unknown = await database.query('SELECT * FROM nothing').catch((error: unknown) => error);
    expect(isDatabaseGone(wrong)).toBe(false);
    await database.destroy();
  });

  it('gives the locks of a session back that stops in the middle of a transaction', async () => {
    const database = await openDatabase(options);
    await database.query('INSERT INTO thing VALUES (7)');
    const stuck = database.transaction(async (tx) => {
      await tx.query('UPDATE thing SET id = 8 WHERE id = 7');
      await new Promise((resolve) => setTimeout(resolve, 6_500));
      await tx.query('SELECT 1');
    });
    stuck.catch(() => undefined);
    await database.query('UPDATE thing SET id = 9 WHERE id = 7');
    const lost: unknown = await stuck.catch((error: unknown) => error);
    expect(isDatabaseGone(lost)).toBe(true);
    expect(await rows(database, 'SELECT id FROM thing')).toEqual([{ id: 9 }]);
    await database.destroy();
  }, 20_000);
});
