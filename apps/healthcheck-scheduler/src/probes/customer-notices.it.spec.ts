import { startServices, type Services } from '@pgfleet/integration';
import { Client } from 'pg';
import { customerNotices, type CustomerFacts, factsQuery } from './customer-notices';

const customer = { database: 'app', user: 'app' };

describe('notices about what a customer did with SQL', () => {
  let services: Services;
  let monitor: Client;

  beforeAll(async () => {
    services = await startServices({ postgres: true });
    const { postgres } = services;
    await postgres.query(`create role app login password 'integration'`);
    await postgres.query('create database app owner app');
    await postgres.query('revoke all on database app from public');
    await postgres.query(`create role pgfleet_monitor login in role pg_monitor password 'integration'`);
    monitor = new Client(postgres.url('pgfleet_monitor', 'postgres'));
    await monitor.connect();
  }, 60_000);
  afterAll(async () => {
    await monitor?.end();
    await services?.stop();
  });

  const notices = async (of = customer) => {
    const { rows } = await monitor.query<CustomerFacts>(factsQuery, [of.database, of.user]);
    return customerNotices(rows[0]!, of);
  };

  it('has none while nothing was done', async () => {
    expect(await notices()).toEqual([]);
  });

  it('names each thing in words', async () => {
    const owner = new Client(services.postgres.url('app', 'app'));
    await owner.connect();
    for (const statement of [
      'alter database app set default_transaction_read_only = off',
      'alter role app set default_transaction_read_only = on',
      'alter database app connection limit 0',
      'revoke connect on database app from app',
    ])
      await owner.query(statement);
    await owner.end();
    expect(await notices()).toEqual([
      'The role app may not connect to the database app: CONNECT was revoked.',
      'The database app has a connection limit of 0.',
      'Transactions of the role app begin read-only: default_transaction_read_only is set.',
    ]);
  });

  it('says when role or database are gone', async () => {
    expect(await notices({ database: 'no', user: 'one' })).toEqual([
      'The role one is gone.',
      'The database no is gone.',
    ]);
  });
});
