import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '@pgfleet/contracts';
import { eventually, freePort, startServices, type Services } from '@pgfleet/integration';
import { forgetHistory, giveLead, isLeadKept, nobody, readCluster, recordLineage } from '@pgfleet/patroni';
import { backup, restore, stanzaCreateAndCheck } from '@pgfleet/pgbackrest';
import { Etcd3 } from 'etcd3';
import { RestorableNode } from '../testing/restorable-node';

const scope = newId('clu');

/** Patroni as nodes run it, started on data that were restored while etcd already knew the cluster. */
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

  /** Runs the parts of the program that talk to etcd, here an etcd without TLS and users. */
  const withEtcd = (...argv: string[]) => {
    const url = new URL(services.etcd.url);
    writeFileSync(
      join(node.folder, 'agent.env'),
      [
        ...[`SCOPE=${scope}`, 'DATA_DIR=/srv/data', `ETCD_ENDPOINTS=${url.host}`, 'ETCD_CA=/dev/null'],
        ...['ETCD_USER=n', 'ETCD_PASSWORD=p', ''],
      ]
        .map((line) => line && `PGFLEET_${line}`)
        .join('\n'),
    );
    const script = `
import os, sys, runpy, http.client
os.environ.update(PGFLEET_AGENT='/srv/follow_leader', PGFLEET_AGENT_ENVIRONMENT='/srv/agent.env', PGFLEET_HELD='/srv/held')
sys.path.insert(0, '/srv/follow_leader')
import etcd
host, port = '${url.hostname}', ${url.port}
etcd.Etcd.__init__ = lambda self, *_: self.__dict__.update(_lock=__import__('threading').Lock(), _connection=None, _token=None)
etcd.Etcd._connect = lambda self: (http.client.HTTPConnection(host, port, timeout=2), None)
sys.argv = ['restore', *sys.argv[1:]]
runpy.run_path('/srv/restore', run_name='__main__')`;
    return node.run(['python3', '-s', '-c', script, ...argv]);
  };
  const log = () => readFileSync(join(node.folder, 'patroni.log'), 'utf8');

  const startPlain = () => {
    const child = node.start(['/usr/bin/patroni', '/srv/patroni.yml']);
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => appendFileSync(join(node.folder, 'patroni.log'), chunk));
    patroni = child;
    node.join(child);
  };
  const start = (archiveCommand: string) => {
    writeFileSync(join(node.folder, 'patroni.yml'), JSON.stringify(configuration(archiveCommand)));
    chmodSync(join(node.folder, 'patroni.yml'), 0o644);
    const child = node.start(['/usr/bin/patroni', '/srv/patroni.yml']);
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
    // The lead is kept from every Patroni from the moment that the leader's PostgreSQL begins to stop.
    expect(await withEtcd('lock')).toMatchObject({ exitCode: 0, stdout: 'n1 leads.\n' });
    const kept = withEtcd('keep-lead', '/srv/data', 'n1');
    await stop();
    expect(await kept).toMatchObject({ exitCode: 0 });
    expect(await isLeadKept(etcd, scope)).toBe(true);
    // This includes a Patroni that knows nothing of the restore and has old data, because its machine was away.
    startPlain();
    const looks = () => log().split(`Lock owner: ${nobody}; I am n1`).length;
    const seen = looks();
    await eventually(() => expect(looks()).toBeGreaterThan(seen + 1), 40_000);
    await eventually(async () => expect(await sql('select pg_is_in_recovery()')).toBe('t'), 40_000);
    await stop();
    expect(await isLeadKept(etcd, scope)).toBe(true);

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
    expect(await giveLead(etcd, scope, 'n1')).toBe('n1');
    start('/bin/true');
    await leads();
    expect(await sql('select v from t')).toBe('first');
    expect(await etcd.get(`/service/${scope}/initialize`).string()).toBe(initialize);
    await eventually(async () =>
      expect((await readCluster(etcd, scope)).members.get('n1')?.timeline).toBe(3),
    );
    expect(await sql('show archive_command')).toBe('/bin/true');
    await stop();

    // A machine that was away waits while its data belong to the lineage that the cluster has left.
    const another = newId('lin');
    await recordLineage(etcd, scope, another);
    expect(await withEtcd('gate')).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(node.folder, 'held'), 'utf8')).toContain('left behind by a restore');
    writeFileSync(join(node.folder, 'held'), '');
    writeFileSync(join(node.folder, 'data/pgfleet.lineage'), `${another}\n`);
    expect(await withEtcd('gate')).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(node.folder, 'held'), 'utf8')).toBe('');

    await recordLineage(etcd, scope, null);
    // And back: the previous data lead again, on their own timeline.
    expect(await node.restore('put-back', operation)).toMatchObject({ exitCode: 0 });
    await forgetHistory(etcd, scope);
    start(`pgbackrest --stanza=${node.stanza} archive-push %p`);
    await leads();
    expect(await sql("select count(*) from t where v = 'last'")).toBe('1');
    expect((await sql('select pg_walfile_name(pg_current_wal_lsn())')).slice(0, 8)).toBe('00000002');
    expect(await node.restore('discard', operation)).toMatchObject({ exitCode: 0 });
    expect(log()).not.toContain('Traceback');
  }, 240_000);
});
