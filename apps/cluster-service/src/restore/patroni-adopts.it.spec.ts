import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '@pgfleet/contracts';
import { eventually, freePort, startServices, type Services } from '@pgfleet/integration';
import { forgetHistory, readCluster } from '@pgfleet/patroni';
import { backup, restore, stanzaCreateAndCheck } from '@pgfleet/pgbackrest';
import { Etcd3 } from 'etcd3';
import { RestorableNode } from '../testing/restorable-node';

const scope = newId('clu');

/** Patroni as nodes run it, started on data that were restored while the cluster was known in etcd already. */
describe('Patroni', () => {
  let services: Services;
  let etcd: Etcd3;
  let node: RestorableNode;
  let patroni: ChildProcess | undefined;
  let rest: number;
  let database: number;

  const configuration = (archiveCommand: string) => ({
    scope,
    namespace: '/service/',
    name: 'n1',
    restapi: { listen: `127.0.0.1:${rest}`, connect_address: `127.0.0.1:${rest}` },
    etcd3: { host: services.etcd.url.replace('http://', '') },
    bootstrap: {
      dcs: {
        ...{ ttl: 20, loop_wait: 1, retry_timeout: 3, maximum_lag_on_failover: 33554432 },
        ...{ check_timeline: true, failsafe_mode: true, synchronous_mode: 'quorum' },
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: { archive_mode: 'on', shared_buffers: '16MB' },
        },
      },
      initdb: ['data-checksums', { encoding: 'UTF8' }],
    },
    postgresql: {
      listen: `127.0.0.1:${database}`,
      connect_address: `127.0.0.1:${database}`,
      use_unix_socket: true,
      data_dir: '/srv/data',
      bin_dir: '/usr/lib/postgresql/17/bin',
      pgpass: '/srv/pgpass',
      authentication: {
        superuser: { username: 'postgres', password: 'secret' },
        replication: { username: 'replicator', password: 'secret' },
        rewind: { username: 'rewind', password: 'secret' },
      },
      parameters: { unix_socket_directories: '/srv', archive_command: archiveCommand },
      recovery_conf: { restore_command: `pgbackrest --stanza=${newId('lin')} archive-get %f "%p"` },
      pg_hba: ['local all all trust', 'host all,replication all 127.0.0.1/32 trust'],
    },
  });

  const start = (archiveCommand: string) => {
    writeFileSync(join(node.folder, 'patroni.yml'), JSON.stringify(configuration(archiveCommand)));
    chmodSync(join(node.folder, 'patroni.yml'), 0o644);
    const child = node.start(['/usr/bin/python3', '/srv/patroni', '/srv/patroni.yml']);
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => appendFileSync(join(node.folder, 'patroni.log'), chunk));
    patroni = child;
    node.join(child);
  };
  const stop = async () => {
    if (!patroni) return;
    const closed = once(patroni, 'close');
    await node.run(['pkill', '-TERM', '-f', 'srv/patroni.yml']);
    await closed;
    patroni = undefined;
    node.join(undefined);
  };
  const leads = () =>
    eventually(async () => {
      expect((await readCluster(etcd, scope)).leader).toBe('n1');
      expect(await sql('select pg_is_in_recovery()')).toBe('f');
    }, 40_000);
  const sql = (statement: string) => node.sql(statement, database);

  beforeAll(async () => {
    services = await startServices({ etcd: true });
    etcd = new Etcd3({ hosts: services.etcd.url });
    [rest, database] = [await freePort(), await freePort()];
    node = await RestorableNode.prepare(newId('lin'), database);
    cpSync(
      join(__dirname, '../../../../deploy/ansible/roles/postgres_node/files/patroni'),
      join(node.folder, 'patroni'),
    );
    writeFileSync(join(node.folder, 'restored.sql'), "alter role postgres password 'secret';");
    start(`pgbackrest --stanza=${node.stanza} archive-push %p`);
    await leads();
  }, 120_000);

  afterAll(async () => {
    etcd?.close();
    await node?.stop();
    await services?.stop();
  });

  it('leads with data that are older than what etcd knew, and keeps the cluster’s settings', async () => {
    await node.must(stanzaCreateAndCheck(node.stanza));
    await sql('create table t (v text)');
    const { stdout } = await node.must(backup(node.stanza, 'full', { member: 'n1' }));
    const label = /new backup label = (\S+)/.exec(stdout)![1]!;
    await sql("insert into t values ('first')");
    await sql("select pg_create_restore_point('between')");
    await sql('insert into t select repeat(md5(n::text), 30) from generate_series(1, 60000) n');
    await sql('select pg_switch_wal()');
    await sql("insert into t values ('last')");
    await eventually(async () =>
      expect(
        Number(JSON.parse((await etcd.get(`/service/${scope}/status`).string())!).optime),
      ).toBeGreaterThan(90_000_000),
    );
    await stop();

    const operation = newId('op');
    const target = { type: 'name', name: 'between' } as const;
    const argv = restore({ stanza: node.stanza, config: node.config, target, label, timeline: 1 });
    expect(await node.restore('set-aside', operation)).toMatchObject({ exitCode: 0 });
    expect(await node.restore('restore', operation, ...argv)).toMatchObject({ exitCode: 0 });
    expect(await node.restore('recover', operation, '/srv/restored.sql', 'in-place')).toMatchObject({
      exitCode: 0,
    });
    const initialize = await etcd.get(`/service/${scope}/initialize`).string();
    await forgetHistory(etcd, scope);
    start('/bin/true');
    await leads();
    expect(await sql('select v from t')).toBe('first');
    expect(await etcd.get(`/service/${scope}/initialize`).string()).toBe(initialize);
    await eventually(async () =>
      expect((await readCluster(etcd, scope)).members.get('n1')?.timeline).toBe(3),
    );
    expect(await sql('show archive_command')).toBe('/bin/true');
    await stop();

    // And back: what was there leads again, on a timeline of its own.
    expect(await node.restore('put-back', operation)).toMatchObject({ exitCode: 0 });
    await forgetHistory(etcd, scope);
    start(`pgbackrest --stanza=${node.stanza} archive-push %p`);
    await leads();
    expect(await sql("select count(*) from t where v = 'last'")).toBe('1');
    expect((await sql('select pg_walfile_name(pg_current_wal_lsn())')).slice(0, 8)).toBe('00000002');
    expect(await node.restore('discard', operation)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(node.folder, 'patroni.log'), 'utf8')).not.toContain('Traceback');
  }, 240_000);
});
