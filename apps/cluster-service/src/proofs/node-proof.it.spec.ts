import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId, type RestoreMarks } from '@pgfleet/contracts';
import { eventually } from '@pgfleet/integration';
import {
  backup,
  type RecoveryTarget,
  restore,
  stanzaCreateAndCheck,
  verify,
  verifyFaults,
} from '@pgfleet/pgbackrest';
import { RestorableNode } from '../testing/restorable-node';

/** A proof on a machine, with the PostgreSQL and pgBackRest of the machines' image: sound data, and each kind of damage. */
describe('a proof on its machine', () => {
  const stanza = newId('lin');
  let node: RestorableNode;
  let label: string;
  let segment: string;
  let lsn: string;
  let table: string;
  let transactions: RestoreMarks['transactions'];
  const rows = { present: ['before'], absent: ['after'] };

  beforeAll(async () => {
    node = await RestorableNode.start(stanza);
    await node.must(stanzaCreateAndCheck(stanza));
    await node.sql('create table t as select n, md5(n::text) as v from generate_series(1, 50000) n');
    await node.sql('create index t_v on t (v)');
    await node.sql('create schema pgfleet');
    await node.sql('create table pgfleet.canary (name text primary key)');
    // A customer did what is legal with SQL in their own database.
    await node.sql('create role app login');
    await node.sql('create database odd owner app');
    await node.must([
      ...['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'odd', '-U', 'app'],
      ...['-c', 'create schema kept create table u (n int primary key)', '-c', 'drop schema public cascade'],
      ...['-c', 'alter database odd set default_transaction_read_only = on'],
      ...['-c', "alter database odd set statement_timeout = '1ms'"],
      ...['-c', "alter database odd set search_path = ''", '-c', "alter database odd set role = 'app'"],
    ]);
    await node.sql('alter database odd connection limit 0');
    table = await node.sql("select pg_relation_filepath('t')");
    const { stdout } = await node.must(backup(stanza, 'full', { member: 'n1' }));
    label = /new backup label = (\S+)/.exec(stdout)![1]!;
    const write = (name: string) =>
      node.sql(`with w as (insert into pgfleet.canary values ('${name}')) select pg_current_xact_id()`);
    const before = Number(await write('before'));
    lsn = await node.sql('select pg_current_wal_insert_lsn()');
    const after = Number(await write('after'));
    transactions = { present: [before], absent: [after] };
    segment = await node.sql('select pg_walfile_name(pg_switch_wal())');
    await eventually(async () => {
      expect((await node.sql('select last_archived_wal from pg_stat_archiver')) >= segment).toBe(true);
    }, 30_000);
    await node.stopServer();
    renameSync(join(node.folder, 'data'), join(node.folder, 'present'));
  }, 120_000);

  afterAll(() => node?.stop());

  const between = (): RecoveryTarget => ({ type: 'lsn', lsn, inclusive: false });
  const restored = async (target: RecoveryTarget) => {
    const operation = newId('op');
    const argv = restore({ stanza, config: node.config, target, label, timeline: 1 });
    expect(await node.restore('restore', operation, ...argv)).toMatchObject({ exitCode: 0 });
    expect(await node.restore('recover', operation, '/dev/null', 'in-place')).toMatchObject({ exitCode: 0 });
    return {
      prove: (marks: RestoreMarks) => node.restore('prove', operation, JSON.stringify(marks)),
      again: () => node.restore('again', operation),
    };
  };
  const refused = (what: RegExp) => ({ exitCode: 1, stderr: expect.stringMatching(what) as string });
  /** Damages the middle of a file; returns a function that repairs it. */
  const damage = (path: string, offset?: number): (() => void) => {
    const sound = readFileSync(path);
    const damaged = Buffer.from(sound);
    const from = offset ?? Math.floor(sound.length / 2);
    for (let at = from; at < from + 64; at++) damaged[at]! ^= 0xff;
    writeFileSync(path, damaged);
    return () => writeFileSync(path, sound);
  };
  const objects = (pattern: string): string[] =>
    execFileSync('find', [join(node.folder, 'repo'), '-type', 'f', '-path', pattern], { encoding: 'utf8' })
      .trim()
      .split('\n');
  const faults = async () => verifyFaults((await node.must(verify(stanza, node.config))).stdout);

  it('proves data that are sound, also when it is asked twice, and makes place for the next', async () => {
    const proof = await restored(between());
    for (let time = 0; time < 2; time++) {
      const proven = await proof.prove({ rows, transactions });
      expect(proven).toMatchObject({ exitCode: 0, stderr: '' });
      expect(JSON.parse(proven.stdout.trim().split('\n').at(-1)!)).toEqual({ databases: 3 });
      expect(proven.stdout).toMatch(/The restored tables and indexes are sound\.\n/);
    }
    for (let time = 0; time < 2; time++) expect(await proof.again()).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(node.folder, 'data'))).toBe(false);
  }, 120_000);

  it('finds that a restore went too far, or not far enough', async () => {
    const tooFar = await restored({ type: 'latest' });
    expect(await tooFar.prove({ rows, transactions })).toMatchObject(
      refused(/canary row after is there, .*transaction \d+ is there/),
    );
    await tooFar.again();
    const tooShort = await restored({ type: 'backup', label });
    expect(await tooShort.prove({ rows, transactions })).toMatchObject(
      refused(/canary row before is missing; transaction \d+ is missing: it is not begun/),
    );
    await tooShort.again();
  }, 120_000);

  it('finds a page, and an index, that is not sound', async () => {
    const proof = await restored(between());
    const mend = damage(join(node.folder, 'data', table), 3 * 8192 + 4000);
    expect(await proof.prove({ rows, transactions })).toMatchObject(
      refused(/restored pages are not sound: .*checksum verification failed in file ".*", block 3/),
    );
    mend();
    await node.startServer();
    // A row that is missing from its table's index: every page matches its checksum.
    await node.sql('alter system set autovacuum = off');
    await node.sql(
      `update pg_index set indisready = false, indisvalid = false where indexrelid = 't_v'::regclass`,
    );
    await node.sql("insert into t values (0, 'not indexed')");
    await node.sql(
      `update pg_index set indisready = true, indisvalid = true where indexrelid = 't_v'::regclass`,
    );
    await node.stopServer();
    // The changes above have used further ids.
    const none = { present: [], absent: [] };
    expect(await proof.prove({ rows, transactions: none })).toMatchObject(
      refused(/restored tables and indexes are not sound: .*t_v/),
    );
    await proof.again();
  }, 120_000);

  it('finds an object of a backup that was damaged in the store', async () => {
    expect(await faults()).toEqual([]);
    const [object = ''] = objects(`*/${label}/bundle/1`);
    const mend = damage(object);
    expect(await faults()).toEqual([expect.stringMatching(new RegExp(`^invalid .*${label}`))]);
    const operation = newId('op');
    const argv = restore({ stanza, config: node.config, target: between(), label, timeline: 1 });
    expect((await node.restore('restore', operation, ...argv)).exitCode).not.toBe(0);
    await node.restore('again', operation);
    mend();
    expect(await faults()).toEqual([]);
  }, 180_000);

  it('finds a segment that was damaged in the store', async () => {
    const [object = ''] = objects(`*/${segment}-*`);
    const mend = damage(object);
    expect(await faults()).toEqual([expect.stringMatching(new RegExp(`^invalid .*${segment}`))]);
    mend();
    expect(await faults()).toEqual([]);
  }, 120_000);
});
