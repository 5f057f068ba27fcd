import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '@pgfleet/contracts';
import { backup, type RecoveryTarget, restore, stanzaCreateAndCheck } from '@pgfleet/pgbackrest';
import { RestorableNode } from '../testing/restorable-node';

/** The program that restores run on a node, with the PostgreSQL and pgBackRest of the machines' image. */
describe('restore on a node', () => {
  const stanza = newId('lin');
  let node: RestorableNode;
  let label: string;
  let middle: string;
  let lsn: string;

  beforeAll(async () => {
    node = await RestorableNode.start(stanza);
    writeFileSync(
      join(node.folder, 'restored.sql'),
      "select set_config('x.y', 'z', false); create role restored;",
    );
    await node.must(stanzaCreateAndCheck(stanza));
    await node.sql("create role app login password 'of the backup'");
    await node.sql('create table t (v text, at timestamptz default clock_timestamp())');
    const { stdout } = await node.must(backup(stanza, 'full', { member: 'n1' }));
    label = /new backup label = (\S+)/.exec(stdout)![1]!;
    await node.sql("insert into t values ('first')");
    middle = await node.sql(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    );
    await node.sql("select pg_create_restore_point('between')");
    lsn = await node.sql('select pg_current_wal_insert_lsn()');
    await node.sql("insert into t values ('second')");
    // Commits wait for a replica that is gone.
    await node.sql("alter system set synchronous_standby_names = 'gone'");
    await node.sql('select pg_reload_conf()');
  }, 120_000);

  afterAll(() => node?.stop());

  const argv = (target: RecoveryTarget) =>
    restore({ stanza, config: node.config, target, label, timeline: 1 });
  const takeBack = async (operation: string) => {
    expect(await node.restore('put-back', operation)).toMatchObject({ exitCode: 0 });
    expect(await node.restore('discard', operation)).toMatchObject({ exitCode: 0 });
  };

  it('says whether all is archived that a server had written when it ended', async () => {
    const [repo, away] = [join(node.folder, 'repo'), join(node.folder, 'repo-away')];
    renameSync(repo, away);
    writeFileSync(repo, 'no store');
    await node.stopServer();
    rmSync(repo);
    renameSync(away, repo);
    expect((await node.restore('archived')).stdout).toMatch(/^Not archived, .+: [0-9A-F]{24}\.$/m);
    await node.startServer();
    await node.stopServer();
    expect((await node.restore('archived')).stdout).toMatch(/^All that was written is archived\.$/m);
    await node.startServer();
  }, 100_000);

  it('says beforehand whether a node can do its part', async () => {
    const operation = newId('op');
    const ready = (step: string) => node.restore('ready', operation, step);
    expect(await node.restore('ready')).toMatchObject({ exitCode: 0 });
    expect(await ready('set-aside')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('the restored data are not here') as string,
    });
    await node.restore('restore', operation, ...argv({ type: 'latest' }));
    expect(await ready('set-aside')).toMatchObject({ exitCode: 0 });
    expect(await node.restore('discard', operation)).toMatchObject({ exitCode: 0 });
    expect(await ready('put-back')).toMatchObject({ exitCode: 0 });
  }, 60_000);

  it('moves no data of a server that runs', async () => {
    expect(await node.restore('set-aside', newId('op'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('PostgreSQL runs') as string,
    });
    expect(await node.restore('clear')).toMatchObject({ exitCode: 1 });
    const kept = [`data.before-${newId('op')}`, `data.undone-${newId('op')}`];
    for (const name of kept) mkdirSync(join(node.folder, name));
    expect(await node.restore('clear', 'beside')).toMatchObject({ exitCode: 1 });
    for (const name of kept) rmSync(join(node.folder, name), { recursive: true });
  }, 60_000);

  it('brings nothing where the disk has no room for it, or an earlier restore keeps its way back', async () => {
    const operation = newId('op');
    const files = argv({ type: 'latest' });
    const notes = join(node.folder, `data.restore-${operation}.json`);
    const asks = ['restore', node.dataDirectory, operation, ...files];
    const scarce = `import runpy, sys; sys.path.insert(0, '/srv/restore'); import backup
backup.SPARE_BYTES, sys.argv = 1 << 60, ['restore', *sys.argv[1:]]
runpy.run_path('/srv/restore', run_name='__main__')`;
    expect(await node.run(['python3', '-s', '-c', scarce, ...asks])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/The disk has .+ free; beside what is there the restore needs/) as string,
    });
    const kept = `data.before-${newId('op')}`;
    mkdirSync(join(node.folder, kept));
    expect(await node.restore('restore', operation, ...files)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`An earlier restore has set data aside here: ${kept}.`) as string,
    });
    rmSync(join(node.folder, kept), { recursive: true });
    expect(existsSync(notes)).toBe(false);
  }, 60_000);

  it('brings the files beside data that serve, and takes nothing for them', async () => {
    const [operation, next] = [newId('op'), newId('op')];
    const beside = (of: string) => existsSync(join(node.folder, `data.restoring-${of}`));
    const ofAnother = argv({ type: 'latest' }).map((word) => word.replace(label, '20200101-000000F'));
    expect(await node.restore('restore', operation, ...ofAnother)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('does not show the backup 20200101-000000F') as string,
    });
    expect(beside(operation)).toBe(false);
    expect(await node.restore('restore', operation, ...argv({ type: 'latest' }))).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/The backup is [\d.]+ MB/) as string,
    });
    expect(beside(operation)).toBe(true);
    expect(await node.sql('select count(*) from t')).toBe('2');
    expect(await node.restore('recover', operation, '/srv/restored.sql', 'in-place')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is not empty, and not of this restore') as string,
    });
    expect(await node.restore('put-back', operation)).toMatchObject({ exitCode: 0 });
    // An abandoned restore leaves no files for the next one.
    await node.restore('restore', next, ...argv({ type: 'latest' }));
    expect(beside(operation)).toBe(false);
    expect(await node.restore('discard', next)).toMatchObject({ exitCode: 0 });
    expect(beside(next)).toBe(false);
    expect(await node.sql('select count(*) from t')).toBe('2');
    await node.stopServer();
  }, 60_000);

  it('does not take WAL that cannot be read for the end of the archive', async () => {
    const archive = join(node.folder, 'repo/archive', stanza);
    const segments = readdirSync(archive, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\/[0-9A-F]{24}-/.test(path))
      .sort();
    const last = join(archive, segments.at(-1)!);
    const sound = readFileSync(last);
    const operation = newId('op');
    await node.restore('set-aside', operation);
    await node.restore('restore', operation, ...argv({ type: 'latest' }));
    writeFileSync(last, 'not what pgBackRest wrote');
    const recovered = await node.restore('recover', operation, '/srv/restored.sql', 'in-place');
    writeFileSync(last, sound);
    expect(recovered).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/PostgreSQL did not come up: .*could not restore file/) as string,
    });
    await takeBack(operation);
  }, 60_000);

  it.each<[string, 'beside' | 'in-place', () => RecoveryTarget]>([
    ['a time', 'beside', () => ({ type: 'time', time: middle })],
    ['a position', 'in-place', () => ({ type: 'lsn', lsn, inclusive: false })],
    ['a named point', 'beside', () => ({ type: 'name', name: 'between' })],
    ['the end', 'in-place', () => ({ type: 'latest' })],
    ['a backup', 'beside', () => ({ type: 'backup', label })],
  ])(
    'goes to %s, %s, says where it ended, and back',
    async (what, where, target) => {
      const operation = newId('op');
      for (let time = 0; time < 2; time++) {
        const restored = await node.restore('restore', operation, ...argv(target()));
        expect({ what, ...restored }).toMatchObject({ exitCode: 0 });
        if (time === 0) expect(restored.stdout).toMatch(/^100.00 %, 2[\d.]+ MB, [\d.]+ MB\/s$/m);
      }
      const setAside = async () => {
        for (let time = 0; time < 2; time++)
          expect(await node.restore('set-aside', operation)).toMatchObject({ exitCode: 0 });
      };
      const lineage = newId('lin');
      const recover = () => node.restore('recover', operation, '/srv/restored.sql', where, lineage);
      if (where === 'in-place') await setAside();
      else await node.startServer();
      const recovered = await recover();
      expect({ what, ...recovered }).toMatchObject({ exitCode: 0 });
      const again = await recover();
      if (where === 'beside') {
        // The serving database is unaffected.
        expect(await node.sql('select v from t order by at')).toBe('first\nsecond');
        await node.stopServer();
        await setAside();
      }
      const last = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!) as object;
      expect(last(again.stdout)).toEqual(last(recovered.stdout));
      expect(last(recovered.stdout)).toEqual({
        timeline: 2,
        lsn: expect.stringMatching(/^0\/[0-9A-F]+$/) as string,
        time: what === 'a backup' ? null : (expect.stringMatching(/^20.*T.*Z$/) as string),
      });
      expect(readFileSync(join(node.folder, 'data/pgfleet.lineage'), 'utf8')).toBe(`${lineage}\n`);
      await node.startServer();
      const rows = { 'the end': 'first\nsecond', 'a backup': '' }[what] ?? 'first';
      expect(await node.sql('select v from t order by at')).toBe(rows);
      expect(await node.sql("select count(*) from pg_roles where rolname = 'restored'")).toBe('1');
      expect(
        await node.sql(
          "select coalesce(string_agg(name, ','), '') from pg_settings where name ~ '^recovery_target|^restore_command' and source = 'configuration file'",
        ),
      ).toBe('');
      await node.stopServer();
      await takeBack(operation);
    },
    120_000,
  );

  it.each<'beside' | 'in-place'>(['beside', 'in-place'])(
    'keeps the password in force before a restore %s, and that before it is undone',
    async (where) => {
      const operation = newId('op');
      // The replica that commits wait for is gone.
      const change = (password: string) =>
        node.sql(`set synchronous_commit = local; alter role app password '${password}'`);
      const verifier = () => node.sql("select rolpassword from pg_authid where rolname = 'app'");
      await node.startServer();
      await change('changed with SQL');
      const changed = await verifier();
      await node.restore('restore', operation, ...argv({ type: 'name', name: 'between' }));
      if (where === 'beside') await node.restore('recover', operation, '/srv/restored.sql', where);
      await node.stopServer();
      await node.restore('set-aside', operation);
      if (where === 'in-place') await node.restore('recover', operation, '/srv/restored.sql', where);
      await node.startServer();
      expect(await verifier()).toBe(changed);

      await change('changed once more');
      const changedAgain = await verifier();
      expect(await node.restore('remember', operation)).toMatchObject({ exitCode: 0, stdout: '' });
      await node.stopServer();
      // This must not fail: PostgreSQL has stopped, and what was remembered stays.
      expect(await node.restore('remember', operation)).toMatchObject({ exitCode: 0 });
      await node.restore('put-back', operation);
      await node.startServer();
      expect(await verifier()).toBe(changed);
      expect(await node.restore('carry-over', operation)).toMatchObject({ exitCode: 0 });
      expect(await verifier()).toBe(changedAgain);
      await node.restore('discard', operation);
      expect(existsSync(join(node.folder, `data.passwords-${operation}.sql`))).toBe(false);
      await node.stopServer();
    },
    60_000,
  );

  it('recovers beside what serves while that holds its lock to push WAL', async () => {
    const operation = newId('op');
    const lock = `/srv/lock/${stanza}-archive-1.lock`;
    const takes =
      'import fcntl, sys, time; f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX); print("taken", flush=True); time.sleep(300)';
    await node.startServer();
    await node.restore('restore', operation, ...argv({ type: 'name', name: 'between' }));
    const push = node.start(['python3', '-c', takes, lock]);
    await once(push.stdout!, 'data');
    const checkpoints = () => node.log.split('checkpoint starting: immediate force wait').length;
    const before = checkpoints();
    const recovered = await node.restore('recover', operation, '/srv/restored.sql', 'beside');
    push.kill('SIGKILL');
    await once(push, 'close');
    expect(recovered).toMatchObject({ exitCode: 0 });
    // The serving PostgreSQL writes its own checkpoint meanwhile, so nobody waits for one when it is stopped.
    expect(checkpoints()).toBe(before + 1);
    expect(await node.restore('discard', operation)).toMatchObject({ exitCode: 0 });
    await node.stopServer();
  }, 100_000);

  it('says when the archive ends before the target, and the present is as it was', async () => {
    const operation = newId('op');
    await node.restore('set-aside', operation);
    await node.restore('restore', operation, ...argv({ type: 'time', time: '2100-01-01T00:00:00Z' }));
    const missed = await node.restore('recover', operation, '/srv/restored.sql', 'in-place');
    expect(missed).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(
        /The archive ends before the target: its last transaction was at 20/,
      ) as string,
    });
    await takeBack(operation);
    await takeBack(operation);
    await node.startServer();
    expect(await node.sql('select v from t order by at')).toBe('first\nsecond');
    await node.stopServer();
  }, 60_000);

  it('gives a node that has lost its data what was recovered, and says so again', async () => {
    const operation = newId('op');
    const [data, lost] = [join(node.folder, 'data'), join(node.folder, 'lost')];
    renameSync(data, lost);
    await node.restore('restore', operation, ...argv({ type: 'name', name: 'between' }));
    await node.restore('recover', operation, '/srv/restored.sql', 'beside');
    for (let time = 0; time < 2; time++)
      expect(await node.restore('set-aside', operation)).toMatchObject({ exitCode: 0 });
    await node.startServer();
    expect(await node.sql('select v from t order by at')).toBe('first');
    await node.stopServer();
    expect(await node.restore('discard', operation)).toMatchObject({ exitCode: 0 });
    rmSync(data, { recursive: true });
    renameSync(lost, data);
  }, 60_000);

  it('goes on when it was killed in the middle, wherever that was', async () => {
    const operation = newId('op');
    for (const [command, rest, afterMs] of [
      ['restore', argv({ type: 'latest' }), 150],
      ['recover', ['/srv/restored.sql', 'in-place'], 250],
    ] as const) {
      const child = node.start(['python3', '-s', '/srv/restore', command, '/srv/data', operation, ...rest]);
      setTimeout(() => child.kill('SIGKILL'), afterMs);
      await once(child, 'close');
      expect(await node.restore(command, operation, ...rest)).toMatchObject({ exitCode: 0 });
      if (command === 'restore') await node.restore('set-aside', operation);
    }
    await node.startServer();
    expect(await node.sql('select v from t order by at')).toBe('first\nsecond');
    await node.stopServer();
    await takeBack(operation);
    expect(existsSync(join(node.folder, `data.before-${operation}`))).toBe(false);
  }, 60_000);
});
