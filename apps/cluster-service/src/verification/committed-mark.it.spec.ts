import { startServices, type Services } from '@pgfleet/integration';
import { Client } from 'pg';
import { commitMark, hasCommitted } from './committed-mark';

/** What customers may do with SQL to their own objects. Each statement once made the proof of a cluster fail. */
const legal = [
  'alter role app set default_transaction_read_only = on',
  "alter role app set statement_timeout = '1ms'",
  "alter role app set search_path = ''",
  'alter database app set default_transaction_read_only = on',
  "alter database app set role = 'app'",
  'alter database app connection limit 0',
  'revoke connect on database app from public, app, pgfleet_monitor',
  'drop schema public cascade',
  "alter role app password 'chosen by the customer'",
];

describe('the mark of a committed transaction', () => {
  let services: Services;
  let monitor: Client;

  beforeAll(async () => {
    services = await startServices({ postgres: true });
    const { postgres } = services;
    await postgres.query(`create role app login password 'integration'`);
    await postgres.query('create database app owner app');
    await postgres.query(`create role pgfleet_monitor login in role pg_monitor password 'integration'`);
    monitor = new Client(postgres.url('pgfleet_monitor', 'postgres'));
    await monitor.connect();
  }, 60_000);
  afterAll(async () => {
    await monitor?.end();
    await services?.stop();
  });

  it('is committed and seen by the monitoring role, which may write to no table', async () => {
    const xid = await commitMark(monitor);
    expect(await hasCommitted(monitor, xid)).toBe(true);
    // The view of a replica that has not replayed it yet.
    expect(await hasCommitted(monitor, String(BigInt(xid) + 100n))).toBe(false);
  });

  it('does not care what a customer does with SQL', async () => {
    const { postgres } = services;
    const customer = new Client(postgres.url('app', 'app'));
    await customer.connect();
    for (const statement of legal) await customer.query(statement);
    await customer.end();
    await expect(new Client(postgres.url('app', 'app')).connect()).rejects.toThrow();
    const again = new Client(postgres.url('pgfleet_monitor', 'postgres'));
    await again.connect();
    expect(await hasCommitted(again, await commitMark(again))).toBe(true);
    await again.end();
  });
});
