import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServices, type Services } from '@pgfleet/integration';
import { openDatabase, rows } from './index';

/** Two CAs, and a certificate from the first one for the loopback address. */
const makeCertificates = (dir: string): void => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const ca of ['ca', 'other']) {
    openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-subj', `/CN=${ca}`);
  }
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=database');
  execFileSync('sh', ['-c', 'echo subjectAltName=IP:127.0.0.1 > san'], { cwd: dir });
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-extfile',
    'san',
    '-out',
    'server.pem',
  );
};

describe('persistence over TLS', () => {
  let services: Services;
  const dir = mkdtempSync(join(tmpdir(), 'pgfleet-tls-'));
  const options = { url: '', schema: 'shop', entities: [], migrations: [] };

  beforeAll(async () => {
    services = await startServices({ postgres: true });
    options.url = await services.postgres.createService('shop');
    makeCertificates(dir);
    for (const file of ['server.pem', 'server.key']) {
      const text = readFileSync(join(dir, file), 'utf8').replaceAll('\n', '\\n');
      await services.postgres.query(
        `COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; umask 077; printf %b "${text}" > /srv/data/${file}'`,
      );
    }
    await services.postgres.query(`ALTER SYSTEM SET ssl_cert_file = 'server.pem'`);
    await services.postgres.query(`ALTER SYSTEM SET ssl_key_file = 'server.key'`);
    await services.postgres.query('ALTER SYSTEM SET ssl = on');
    await services.postgres.query('SELECT pg_reload_conf()');
  }, 60_000);
  afterAll(async () => {
    await services.stop();
    rmSync(dir, { recursive: true });
  });

  it('encrypts, and verifies the server by the CA', async () => {
    const database = await openDatabase({ ...options, caFile: join(dir, 'ca.pem') });
    expect(await rows(database, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).toEqual([
      { ssl: true },
    ]);
    await database.destroy();
  });

  it('refuses a server that another CA signed', async () => {
    await expect(openDatabase({ ...options, caFile: join(dir, 'other.pem') })).rejects.toThrow(
      /certificate|issuer/,
    );
  });
});
