import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  backupOperations,
  changeBackupPolicy,
  checkRestoreTarget,
  createBackup,
  createRestorePoint,
  createStanza,
  getRecoveryWindow,
  hasEnded,
  listBackups,
  newId,
  takeFirstBackup,
  type Backup,
  type BackupKind,
  type Operation,
  type RestoreTarget,
} from '@pgfleet/contracts';
import { type ArchivingNode, eventually } from '@pgfleet/integration';
import { ArchivedDatabase, startMachine } from './testing/archiving-machine';
import { RestoreSite, type Reachable } from './testing/restore-site';
import { randomFrom, RowWriters } from './testing/row-writers';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';
import { walRecords, type WalRecord } from './testing/wal-records';
import { roleFiles, WatchedDatabase } from './testing/watched-database';
import { WrittenHistory, type Written } from './testing/written-history';
import { bytesOf, lsnOf } from './wal/wal-position';
import { instantOf, microsecondsOf } from './window/instant';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const seed = Number(process.env.PGFLEET_SEED ?? Date.now() % 2 ** 31);
const random = randomFrom(seed);
const pick = <T>(items: readonly T[]): T => {
  if (items.length === 0) throw new Error('there is nothing to pick from');
  return items[random(items.length)]!;
};

const clusterId = newId('clu');
const [first, second] = [newId('lin'), newId('lin')];

/** A target, and the rows that a restore to it must contain. */
interface Aim {
  what: string;
  stanza: string;
  target: RestoreTarget;
  /** The history of the timeline that is followed. */
  history: WrittenHistory;
}

/** What the spec knows about a lineage. */
interface Lineage {
  stanza: string;
  history: WrittenHistory;
  backups: Backup[];
  /** The last commit that the agent reported as archived. */
  last: WalRecord;
  points: string[];
  /** The window promises nothing from the last known commit before the gap until this backup is complete. */
  gap: { from: number; until: Backup } | null;
}

/**
 * Every restore within the window must contain exactly the rows committed by then; targets outside it are refused.
 *
 * A real PostgreSQL is written to, changes its timeline, is restored, and continues. The service derives the window from the
 * reports of the node's agent; the node's program does the restores. The spec knows the expected rows from its own clients and
 * pg_waldump. The same seed draws the same targets, but the history is never quite the same.
 */
describe(`restore targets (PGFLEET_SEED=${seed})`, () => {
  let service: SpecService;
  let machine: ArchivingNode;
  let watched: WatchedDatabase;
  const writers = new RowWriters(randomFrom(seed + 1));
  let one: Lineage;
  let two: Lineage;
  /** The history up to the end of timeline 1, which the failover has left. */
  let left: { history: WrittenHistory; last: WalRecord; lost: Written[] };

  const ended = (operationId: string): Promise<Operation> =>
    eventually(async () => {
      const found = await service.requester.ask(backupOperations.get, { operationId });
      if (!found || !hasEnded(found)) throw new Error(`${operationId} is ${found?.state}`);
      return found;
    }, 60_000);
  const succeeded = async (begun: Promise<Operation>): Promise<void> => {
    const operation = await ended((await begun).id);
    if (operation.state !== 'succeeded') throw new Error(JSON.stringify(operation.error));
  };
  const backUp = (type: BackupKind) =>
    succeeded(service.requester.ask(createBackup, { clusterId, request: { type }, idempotency: null }));
  const name = (point: string) =>
    succeeded(
      service.requester.ask(createRestorePoint, {
        clusterId,
        restorePoint: { name: point },
        idempotency: null,
      }),
    );
  const backupsNow = async () =>
    [...(await service.requester.ask(listBackups, { clusterId })).items].sort((a, b) =>
      a.stoppedAt < b.stoppedAt ? -1 : 1,
    );
  const check = ({ stanza, target }: Pick<Aim, 'stanza' | 'target'>) =>
    service.requester.ask(checkRestoreTarget, { stanza, target });

  /** Makes this database the leader from now on; its agent reports that. */
  const lead = (database: ArchivedDatabase, timeline: number): void => {
    world.machines.set(database.name, database);
    world.topologies.set(clusterId, {
      ...{ clusterId, state: 'ready', stanza: database.stanza },
      nodes: [node(database.name, 'leader')],
    });
    watched = new WatchedDatabase(database, clusterId, timeline, (sight) =>
      world.sights.set(clusterId, sight),
    );
  };
  /** Waits until everything written is archived and known; then no agent reports any more. Returns the last known commit. */
  const settle = async (history: () => Promise<WalRecord[]>): Promise<WalRecord> => {
    await writers.few(watched.database, watched.timeline, 2);
    await watched.flushed(eventually);
    await watched.stop();
    const { lsn, xid, time } = watched.archive!.commit!;
    const known = (await history()).find(({ position }) => position === bytesOf(lsn));
    expect(known).toMatchObject({ kind: 'commit', xid, time: microsecondsOf(time) });
    await eventually(async () => {
      const window = await service.requester.ask(getRecoveryWindow, { clusterId });
      expect(window.latest).toMatchObject({ lsn });
      // Later once the agent has seen that nothing followed.
      expect(microsecondsOf(window.latest!.time)).toBeGreaterThanOrEqual(microsecondsOf(time));
    });
    return known!;
  };

  beforeAll(async () => {
    [service, machine] = await Promise.all([SpecService.start(), startMachine()]);
    for (const program of ['restore', 'follow_leader']) machine.copyIn(join(roleFiles, program), program);

    const [n1, n2, n3] = ['n1', 'n2']
      .map((node) => new ArchivedDatabase(machine, node, first))
      .concat(new ArchivedDatabase(machine, 'n3', second)) as [
      ArchivedDatabase,
      ArchivedDatabase,
      ArchivedDatabase,
    ];
    await n1.initialise();
    await n1.sql('create table t (n int)');
    lead(n1, 1);
    await succeeded(
      service.requester.ask(createStanza, { clusterId, stanza: first, requestedBy: newId('op') }),
    );
    const change = { schedules: { incremental: null, differential: null } };
    await service.requester.ask(changeBackupPolicy, { clusterId, change });
    await succeeded(service.requester.ask(takeFirstBackup, { clusterId, stanza: first }));
    await n2.copy(n1);

    // Timeline 1: busy, with a backup in the middle, and then almost idle.
    await writers.busy(n1, 1, 2500);
    await Promise.all([writers.busy(n1, 1, 4000), backUp('incremental')]);
    await name('busy');
    await writers.busy(n1, 1, 1500);
    await watched.flushed(eventually);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await writers.few(n1, 1);
    await name('idle');
    await writers.few(n1, 1);
    // A failover: what is written after the replica is cut off is not in the replica's history.
    await eventually(async () => expect(await n1.sql('select count(*) from pg_stat_replication')).toBe('1'));
    await n2.sql("alter system set primary_conninfo = ''");
    await n2.sql('select pg_reload_conf()');
    await eventually(async () => expect(await n2.sql('select count(*) from pg_stat_wal_receiver')).toBe('0'));
    const kept = writers.written.length;
    await writers.busy(n1, 1, 1000);
    await name('lost');
    const begin = (await backupsNow())[0]!.lsnStart!;
    const wal1 = async () => walRecords(1, await n1.wal(1, begin));
    const lastOf1 = await settle(wal1);
    await n1.stopServer();
    await n2.promote();
    const onTimeline1 = await wal1();
    left = {
      history: new WrittenHistory(new Set(), onTimeline1, writers.written),
      last: lastOf1,
      lost: writers.written.slice(kept),
    };

    // Timeline 2.
    await eventually(async () => expect(await n2.sql('select pg_is_in_recovery()')).toBe('f'));
    lead(n2, 2);
    await writers.busy(n2, 2, 1500);
    await Promise.all([writers.busy(n2, 2, 3000), backUp('differential')]);
    await name('after');
    await writers.busy(n2, 2, 1500);
    const [{ beganAt } = { beganAt: '' }] = n2.timelines(2);
    const wal2 = async () => walRecords(2, await n2.wal(2, beganAt));
    const lastOf2 = await settle(wal2);
    await n2.stopServer();
    const records = [...onTimeline1.filter(({ position }) => position < bytesOf(beganAt)), ...(await wal2())];
    one = {
      stanza: first,
      history: new WrittenHistory(new Set(), records, writers.written),
      backups: await backupsNow(),
      last: lastOf2,
      points: ['busy', 'idle', 'after'],
      gap: null,
    };

    // A restore starts another lineage, as in cluster-service: recovered, then promoted once more.
    const back = aimsOf(one, 1).find(({ target }) => target.type === 'time')!;
    const restored = await tryOne(back, 'n3');
    if (restored) throw new Error(restored);
    await n3.makeHome();
    writeFileSync(join(n3.folder, 'data/standby.signal'), '');
    await n3.startServer();
    await n3.promote();
    await eventually(async () => expect(await n3.sql('select pg_is_in_recovery()')).toBe('f'));
    const timeline = parseInt((await n3.sql('select pg_walfile_name(pg_current_wal_lsn())')).slice(0, 8), 16);
    lead(n3, timeline);
    await succeeded(
      service.requester.ask(createStanza, { clusterId, stanza: second, requestedBy: newId('op') }),
    );
    await succeeded(service.requester.ask(takeFirstBackup, { clusterId, stanza: second }));
    await writers.busy(n3, timeline, 3000);
    await name('again');
    await writers.busy(n3, timeline, 500);
    // A segment is lost; the next backup finds that out, and is itself complete.
    await watched.flushed(eventually);
    await writers.few(n3, timeline);
    const missing = await watched.flushed(eventually);
    await writers.few(n3, timeline);
    await watched.flushed(eventually);
    await machine.must(['sh', '-c', `rm /srv/repo/archive/${second}/*/*/${missing}-*`]);
    await backUp('incremental');
    await writers.busy(n3, timeline, 3000);
    const backups = await backupsNow();
    const wal3 = async () => walRecords(timeline, await n3.wal(timeline, backups[0]!.lsnStart!));
    const last = await settle(wal3);
    const { gaps } = await service.requester.ask(getRecoveryWindow, { clusterId });
    expect(gaps).toMatchObject([{ missing: { first: missing, last: missing } }]);
    const earlier = new Set(back.history.rowsAt(back.target, 0)!);
    two = {
      stanza: second,
      history: new WrittenHistory(earlier, await wal3(), writers.written),
      backups,
      last,
      points: ['again'],
      gap: { from: bytesOf(gaps[0]!.from!.lsn), until: backups.at(-1)! },
    };
  }, 240_000);

  afterAll(async () => {
    await watched?.stop().catch(() => undefined);
    await service?.stop();
    await machine?.stop();
  }, 60_000);

  /** pgBackRest keeps the second in which a backup ended. */
  const wholeSince = ({ stoppedAt }: Backup): number => microsecondsOf(stoppedAt) + 1_000_000;
  const isWithin = ({ backups, last, gap }: Lineage, { position, time }: WalRecord): boolean => {
    const after = (backup: Backup) => position > bytesOf(backup.lsnStop!) && time! > wholeSince(backup);
    if (position >= last.position || !after(backups[0]!)) return false;
    return !gap || position < gap.from || after(gap.until);
  };

  /** This many targets of a lineage, cycling through the kinds until each has occurred. */
  const aimsOf = (lineage: Lineage, count: number): Aim[] => {
    const { history, last, points, backups, stanza } = lineage;
    const within = history.ended.filter((transaction) => isWithin(lineage, transaction));
    const commits = within.filter(({ committed }) => committed);
    const overtaken = commits.filter(({ xid, position }) =>
      commits.some((other) => other.position < position && other.xid > xid),
    );
    const time = (at: number, inclusive?: false): RestoreTarget => ({
      ...{ type: 'time', time: instantOf(at) },
      ...(inclusive === false && { inclusive }),
    });
    const lsn = (at: number, inclusive?: false): RestoreTarget => ({
      ...{ type: 'lsn', lsn: lsnOf(at) },
      ...(inclusive === false && { inclusive }),
    });
    const xid = (id: number, inclusive?: false): RestoreTarget => ({
      ...{ type: 'xid', xid: String(id) },
      ...(inclusive === false && { inclusive }),
    });
    const between = (key: 'time' | 'position') => {
      const index = random(within.length - 1);
      const [a, b] = [within[index]![key]!, within[index + 1]![key]!];
      return Math.floor(a + (b - a) / 2);
    };
    const kinds: [string, () => RestoreTarget][] = [
      ['the time of a commit', () => time(pick(commits).time!)],
      ['just before the time of a commit', () => time(pick(commits).time!, false)],
      ['a microsecond before a commit', () => time(pick(commits).time! - 1)],
      ['a microsecond after a commit', () => time(pick(commits).time! + 1)],
      ['a time between commits', () => time(between('time'))],
      ['the last time', () => time(last.time!)],
      ['the position of a commit', () => lsn(pick(commits).position)],
      ['just before the position of a commit', () => lsn(pick(commits).position, false)],
      ['a byte after the position of a commit', () => lsn(pick(commits).position + 1)],
      ['a position between commits', () => lsn(between('position'), pick([undefined, false]))],
      ['the last position', () => lsn(last.position)],
      ['a restore point', () => ({ type: 'name', name: pick(points) })],
      ['the latest', () => ({ type: 'latest' })],
      ['a backup', () => ({ type: 'backup', label: pick(backups).label })],
    ];
    // This close to a gap it is unknown on which side of it a transaction ended.
    if (!lineage.gap)
      kinds.push(
        ['a transaction', () => xid(pick(commits).xid)],
        ['just before a transaction', () => xid(pick(commits).xid, false)],
        ['one that a later one has overtaken', () => xid(pick(overtaken).xid)],
        ['one that was rolled back', () => xid(pick(within.filter(({ committed }) => !committed)).xid)],
      );
    return Array.from({ length: count }, (_, index) => {
      const [what, target] = kinds[index % kinds.length]!;
      return { what, stanza, history, target: target() };
    });
  };

  const stopOf = (label: string): number => {
    const backup = [...(one?.backups ?? []), ...(two?.backups ?? [])].find((made) => made.label === label);
    return bytesOf(backup!.lsnStop!);
  };

  /** Restores one target; returns null when the result is right, otherwise what is wrong. */
  const tryOne = async (aim: Aim, site: string): Promise<string | null> => {
    const { what, stanza, target, history } = aim;
    const said = `${what} of ${stanza === first ? 'the first' : 'the second'} lineage: ${JSON.stringify(target)}`;
    const found = await check(aim);
    if (!found.ok) return `${said} is refused: ${found.reason}`;
    const how = `as ${JSON.stringify(found.target)} from ${found.backupLabel} along ${found.timeline}`;
    const expected = history.rowsAt(target, target.type === 'backup' ? stopOf(target.label) : 0);
    if (!expected) return `${said} is nowhere in the WAL`;
    try {
      const { end, rows } = await new RestoreSite(machine, site).restore(found as Reachable);
      const [there, wanted] = [new Set(rows), new Set(expected)];
      const missing = expected.filter((row) => !there.has(row));
      const surplus = rows.filter((row) => !wanted.has(row));
      if (missing.length + surplus.length === 0 && rows.length === expected.length) return null;
      return `${said} ${how} ended at ${end}: rows missing ${missing.join()}, too many ${surplus.join()}`;
    } catch (error) {
      return `${said} ${how}: ${String(error).slice(-1500)}`;
    }
  };

  /** Two at a time. */
  const tryAll = async (aims: Aim[]): Promise<string[]> => {
    const waiting = [...aims];
    const wrong: string[] = [];
    await Promise.all(
      ['r1', 'r2'].map(async (site) => {
        for (let aim = waiting.shift(); aim; aim = waiting.shift()) {
          const fault = await tryOne(aim, site);
          if (fault) wrong.push(fault);
          await new RestoreSite(machine, site).clear();
        }
      }),
    );
    return wrong;
  };

  /** What the failover lost can be reached along the timeline that it was written on. */
  const aimsOfWhatWasLost = (): Aim[] => {
    const { history, lost, last } = left;
    const there = history.ended.filter(
      ({ xid, committed, position }) =>
        committed && position < last.position && lost.some((other) => other.xid === xid),
    );
    const { time, position, xid } = pick(there);
    const targets: RestoreTarget[] = [
      { type: 'time', time: instantOf(time!), timeline: 1 },
      { type: 'lsn', lsn: lsnOf(position), timeline: 1 },
      { type: 'xid', xid: String(xid), timeline: 1 },
      { type: 'name', name: 'lost', timeline: 1 },
    ];
    return targets.map((target) => ({ what: 'what was lost', stanza: first, target, history }));
  };

  it('leads to exactly the rows that were committed by then', async () => {
    const aims = [...aimsOf(one, 18), ...aimsOf(two, 14), ...aimsOfWhatWasLost()];
    expect(await tryAll(aims)).toEqual([]);
  }, 300_000);

  it('refuses what is outside, says what is nearest, and touches nothing', async () => {
    const database = watched.database;
    const fingerprint = async () => ({
      data: await database.must([
        'sh',
        '-c',
        `ls -i ${database.data}; ls -d ${database.home}/data.* || true`,
      ]),
      system: await database.sql(
        'select system_identifier, timeline_id from pg_control_system(), pg_control_checkpoint()',
      ),
      rows: await database.sql('select count(*), sum(n) from t'),
      store: await machine.must(['sh', '-c', 'find /srv/repo | sort | md5sum']).then(({ stdout }) => stdout),
      operations: (await service.requester.ask(backupOperations.list, { clusterId })).items.map(
        ({ id }) => id,
      ),
    });
    const time = (at: number, more = {}): RestoreTarget => ({ type: 'time', time: instantOf(at), ...more });
    const lsn = (at: number, more = {}): RestoreTarget => ({ type: 'lsn', lsn: lsnOf(at), ...more });
    const window = await service.requester.ask(getRecoveryWindow, { clusterId });
    const latest = microsecondsOf(window.latest!.time);
    const begin = wholeSince(two.backups[0]!);
    const start = bytesOf(two.backups[0]!.lsnStop!);
    const inGap = two.history.ended.filter(
      ({ position, time }) =>
        position > two.gap!.from &&
        position < bytesOf(two.gap!.until.lsnStop!) &&
        time! < wholeSince(two.gap!.until),
    );
    const earlier = one.history.ended.filter((transaction) => isWithin(one, transaction));
    const hour = 3600 * 1_000_000;
    const outside: [string, string, RestoreTarget, RegExp][] = [
      ['long before', second, time(begin - hour * (1 + random(1000))), /before the earliest/],
      ['a microsecond before the earliest', second, time(begin - 1), /before the earliest/],
      ['a microsecond after the latest', second, time(latest + 1), /after the last commit/],
      ['in the future', second, time(latest + hour * (1 + random(1000))), /after the last commit/],
      ['a time in the gap', second, time(pick(inGap).time!), /in a gap/],
      ['a position in the gap', second, lsn(pick(inGap).position), /in a gap/],
      ['a transaction in the gap', second, { type: 'xid', xid: String(pick(inGap).xid) }, /in a gap/],
      ['a byte before the earliest', second, lsn(start - 1 - random(1000)), /before the earliest/],
      ['a byte after the latest', second, lsn(two.last.position + 1 + random(1000)), /after the last commit/],
      ['a position far beyond', second, lsn(two.last.position + 2 ** 40), /after the last commit/],
      ['a time of the lineage before', second, time(pick(earlier).time!), /before the earliest/],
      ['a time of the lineage after', first, time(pick(inGap).time!), /after the last commit/],
      ['a timeline that nothing is known of', second, time(begin, { timeline: 77 }), /timeline 77/],
      [
        'what timeline 1 never wrote',
        first,
        lsn(one.last.position, { timeline: 1 }),
        /after the last commit/,
      ],
      [
        'a transaction that is to come',
        second,
        { type: 'xid', xid: String(two.last.xid + 1 + random(9999)) },
        /not known to be/,
      ],
      ['a name that nobody gave', second, { type: 'name', name: `no-${random(999)}` }, /no restore point/],
      ['a name of the lineage before', second, { type: 'name', name: pick(one.points) }, /no restore point/],
      ['a name that a failover has lost', first, { type: 'name', name: 'lost' }, /not in the history/],
      ['a label that no backup has', second, { type: 'backup', label: '20200101-000000F' }, /no backup/],
      [
        'a backup of the lineage before',
        second,
        { type: 'backup', label: pick(one.backups).label },
        /no backup/,
      ],
    ];
    const before = await fingerprint();
    const wrong: string[] = [];
    for (const [what, stanza, target, reason] of outside) {
      const found = await check({ stanza, target });
      const said = `${what}: ${JSON.stringify(target)}`;
      if (found.ok) wrong.push(`${said} is not refused: ${JSON.stringify(found)}`);
      else if (!reason.test(found.reason)) wrong.push(`${said}: ${found.reason}`);
      else if (!found.nearest.before && !found.nearest.after) wrong.push(`${said} names nothing near`);
    }
    expect(wrong).toEqual([]);
    expect(await fingerprint()).toEqual(before);
  }, 60_000);
});
