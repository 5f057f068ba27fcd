import { startServices, type Services } from '@pgfleet/integration';
import { generatePassword } from './cluster-secrets';
import { opensWith } from './scram-verifier';

describe('a SCRAM verifier as PostgreSQL keeps it', () => {
  let services: Services;

  beforeAll(async () => {
    services = await startServices({ postgres: true });
  }, 60_000);
  afterAll(() => services?.stop());

  it('opens with the password that it was made of, and with no other', async () => {
    const password = generatePassword();
    const { postgres } = services;
    const verifier = async () =>
      (
        await postgres.query<{ p: string }>(`select rolpassword as p from pg_authid where rolname = 'app'`)
      )[0]!.p;
    await postgres.query(`create role app login password '${password}'`);
    expect(await opensWith(await verifier(), password)).toBe(true);
    await postgres.query(`alter role app password 'changed with SQL'`);
    expect(await opensWith(await verifier(), password)).toBe(false);
    expect(await opensWith('md5c13e8d8b0b3b1b0b1b0b1b0b1b0b1b0b', password)).toBe(false);
  });
});
