import { setTimeout as pause } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  getCluster,
  getHistory,
  newId,
  updateCluster,
  type CloudEvent,
  type Durability,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision, Requester } from '@pgfleet/messaging';
import { migrate, openDatabase } from '@pgfleet/persistence';
import { Etcd3 } from 'etcd3';
import { register } from 'prom-client';
import type { DataSource } from 'typeorm';
import { LeadershipIntents } from '../failover/leadership-intents';
import { ClusterEntity } from '../persistence/cluster.entity';
import { databaseOptions } from '../persistence/database-options';
import type { LeadershipIntent } from '../persistence/leadership.entity';
import { UserEntity } from '../persistence/user.entity';
import { PatroniKeys } from '../testing/patroni-keys';
import { startClusterService } from '../testing/spec-service';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

interface Told {
  what: string;
  data: Record<string, unknown>;
  correlation: string | undefined;
}

const leaseRanOut = (leader: string) =>
  `the lease of ${leader} ran out: its machine, its network or its Patroni is gone`;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
/** Where timeline 2 begins: in bytes of WAL, and as events publish it. The old leader was seen 96 bytes further. */
const promotedAt = 83886176;
const lsn = '0/5000060';
const unsure = { bytes: 96, sure: false };
const patroni = { version: '4.0.7-3~deb13u1', patched: ['01-first.patch'] };
const sure = { bytes: 0, sure: true };

/**
 * Two replicas of the service as in production, on real NATS, PostgreSQL and etcd. Both process every change, and nothing may be
 * published twice. The spec writes to etcd what Patroni and the nodes' agents would.
 */
describe('leaderships', () => {
  let services: Services;
  let nats: NatsConnection;
  let etcd: Etcd3;
  let url: string;
  let database: DataSource;
  let apps: INestApplication[] = [];
  const made: PatroniKeys[] = [];
  const intents = new LeadershipIntents();

  const startBoth = async () => {
    apps = await Promise.all([startClusterService(services, url), startClusterService(services, url)]);
  };
  const stopBoth = async () => {
    await Promise.all(apps.map((app) => app.close()));
    apps = [];
  };
  const requester = () => apps[0]!.get(Requester, { strict: false });

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true, etcd: true });
    nats = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(nats);
    url = await services.postgres.createService('cluster');
    const options = databaseOptions(url, undefined);
    await migrate(options);
    database = await openDatabase(options);
    etcd = new Etcd3({ hosts: services.etcd.url });
    await startBoth();
  }, 180_000);

  afterAll(async () => {
    await stopBoth();
    for (const keys of made) await keys.end().catch(() => undefined);
    etcd?.close();
    await database?.destroy();
    await nats?.close();
    await services?.stop();
  }, 60_000);

  /** The events published about the cluster, in order, without its members' own events. */
  const told = async (clusterId: string): Promise<Told[]> => {
    const filter_subjects = `events.cluster.${clusterId}.>`;
    const consumer = await jetstream(nats).consumers.get('EVENTS', { filter_subjects });
    const { num_pending: count } = await consumer.info();
    const found: Told[] = [];
    if (count > 0) {
      for await (const message of await consumer.fetch({ max_messages: count, expires: 2_000 })) {
        const { type, data, correlationid } = message.json<CloudEvent<Record<string, unknown>>>();
        const what = type.replace(/^io\.pgfleet\.cluster\.(.+)\.v1$/, '$1');
        found.push({ what, data, correlation: correlationid });
      }
    }
    await consumer.delete();
    return found.filter(({ what }) => !/^member\.(joined|left|state\.changed)$|^state\.changed$/.test(what));
  };
  const names = (events: Told[]) => events.map(({ what }) => what);
  /** Waits until `what` was published, then a little longer, so that a duplicate would have appeared. */
  const toldUntil = async (clusterId: string, what: string, withinMs = 10_000): Promise<Told[]> => {
    await eventually(async () => expect(names(await told(clusterId))).toContain(what), withinMs);
    await pause(300);
    return told(clusterId);
  };
  const the = (events: Told[], what: string): Told => {
    const found = events.filter((event) => event.what === what);
    expect(found).toHaveLength(1);
    return found[0]!;
  };
  const row = (clusterId: string) => database.manager.findOneByOrFail(ClusterEntity, { id: clusterId });
  const history = async (clusterId: string) => (await requester().ask(getHistory, { clusterId })).items;
  const declare = (clusterId: string, intent: LeadershipIntent) =>
    database.transaction((tx) => intents.declare(tx, clusterId, intent));
  /** Waits until everything written to etcd so far has been processed. */
  const settled = async () => {
    const mark = await etcd.put('/service/none/mark').value(String(Date.now()));
    await eventually(async () => {
      const [position] = await database.query<{ revision: string }[]>('select revision from watch_position');
      expect(Number(position!.revision)).toBeGreaterThanOrEqual(Number(mark.header.revision));
    });
  };

  /** A created cluster: n1 leads on timeline 1, n2 and n3 stream; if any replica is synchronous, n2 is. */
  const aCluster = async (durability: Durability = 'async', { agents = true } = {}) => {
    const id = newId('clu');
    const userId = newId('usr');
    await database.manager.insert(UserEntity, { id: userId, name: 'Ada', email: null, labels: {} });
    await database.manager.insert(ClusterEntity, {
      ...{ id, name: `c-${id.slice(-12)}`, userId, description: '', labels: {}, state: 'creating', nodes: 3 },
      ...{ postgresVersion: 17, databaseName: 'app', databaseUser: 'app', stanza: newId('lin') },
      ...{ syncStandbys: [], profile: 'fast', durability, fencing: true },
    });
    const keys = new PatroniKeys(etcd, id);
    made.push(keys);
    await keys.lead('n1');
    await keys.primary('n1', 1, promotedAt + 50);
    for (const name of ['n2', 'n3']) await keys.replica(name, 1);
    await keys.put('status', { optime: promotedAt + 96 });
    if (durability !== 'async') await keys.put('sync', { leader: 'n1', sync_standby: 'n2' });
    if (agents) {
      const writable = { timeline: 1, promotedAt: null, since: ago(3_600_000) };
      await keys.report('n1', { watchdog: true, patroni, writable });
      for (const name of ['n2', 'n3']) await keys.report(name, { watchdog: false, follows: 'n1' });
    }
    await settled();
    await database.manager.update(ClusterEntity, { id }, { state: 'ready' });
    return { id, keys };
  };
  /** The replicas' agents have missed the leader for two seconds. */
  const miss = async (keys: PatroniKeys, leader = 'n1', sinceMs = 2_000) => {
    // Their poolers lead to the lost leader until there is another.
    await keys.report('n2', { lost: { leader, since: ago(sinceMs - 100) }, follows: leader });
    await keys.report('n3', { lost: { leader, since: ago(sinceMs) }, follows: leader });
  };
  /** A replica takes the lock and is promoted. Then it writes on the timeline, and the other replica follows it. */
  const takeOver = async (keys: PatroniKeys, name = 'n2', timeline = 2) => {
    await keys.lead(name);
    await keys.report(name === 'n2' ? 'n3' : 'n2', { lost: null, follows: name });
    await keys.report(name, { lost: null, writable: { timeline, promotedAt, since: ago(0) } });
    await keys.primary(name, timeline, promotedAt + 200);
    await keys.replica(name === 'n2' ? 'n3' : 'n2', timeline);
  };
  const failOver = async (keys: PatroniKeys, to = 'n2') => {
    await miss(keys);
    await keys.die('n1');
    await takeOver(keys, to);
  };

  it('tells of a leader that was lost and of the next one, with the outage and what may be lost', async () => {
    const { id, keys } = await aCluster();
    await failOver(keys);
    const events = await toldUntil(id, 'failover.completed');
    expect(names(events)).toEqual([
      'leader.changed',
      'failover.started',
      'degraded',
      'leader.changed',
      'failover.completed',
    ]);
    expect(the(events, 'failover.started').data).toMatchObject({
      leader: 'n1',
      timeline: 1,
      cause: leaseRanOut('n1'),
    });
    const { data } = the(events, 'failover.completed');
    expect(data).toMatchObject({
      ...{ from: 'n1', to: 'n2', fromTimeline: 1, toTimeline: 2, promotedAt: lsn },
      ...{ loss: unsure, cause: leaseRanOut('n1'), fenced: false },
    });
    // The replicas missed the leader two seconds earlier. None of them follows it when the new leader is announced, and that
    // still counts.
    expect(data.outageMs).toBeGreaterThanOrEqual(2_000);
    expect(data.outageMs).toBeLessThan(10_000);
    expect(await row(id)).toMatchObject({ leader: 'n2', lost: null, lostAt: null });
    const [second, first] = await history(id);
    expect(second).toMatchObject({
      ...{ leader: 'n2', timeline: 2, origin: 'unplanned', until: null, promotedAt: lsn, loss: unsure },
      ...{ cause: leaseRanOut('n1'), outageMs: data.outageMs, measuredLoss: null },
    });
    expect(first).toMatchObject({ leader: 'n1', timeline: 1, origin: 'bootstrap', outageMs: null });
    expect(first!.until! <= second!.since).toBe(true);
  }, 30_000);

  it('is sure that nothing was lost when the new leader was synchronous, and only then', async () => {
    const [inStep, behind] = [await aCluster('quorum'), await aCluster('sync')];
    await failOver(inStep.keys, 'n2');
    await failOver(behind.keys, 'n3');
    for (const [{ id }, loss] of [[inStep, sure] as const, [behind, unsure] as const])
      expect(the(await toldUntil(id, 'failover.completed'), 'failover.completed').data).toMatchObject({
        loss,
      });
  }, 30_000);

  it('tells of a switchover when the poolers of the old leader have let go', async () => {
    const { id, keys } = await aCluster();
    const operationId = newId('op');
    await declare(id, { origin: 'switchover', operationId, cause: 'asked for' });
    await keys.report('n1', { hold: { id: operationId, state: 'held', ms: 0, reason: null } });
    await keys.release();
    await keys.report('n1', { writable: null });
    await takeOver(keys);
    await settled();
    expect(names(await told(id))).toEqual(['leader.changed', 'degraded', 'leader.changed']);
    expect(await row(id)).toMatchObject({ intent: null, lostAt: null });
    await keys.report('n1', { hold: { id: operationId, state: 'released', ms: 640, reason: null } });
    const events = await toldUntil(id, 'switchover.completed');
    expect(names(events)).not.toContain('failover.started');
    expect(the(events, 'switchover.completed')).toMatchObject({
      correlation: operationId,
      data: { from: 'n1', to: 'n2', fromTimeline: 1, toTimeline: 2, promotedAt: lsn, stallMs: 640 },
    });
    expect((await history(id))[0]).toMatchObject({
      ...{ leader: 'n2', origin: 'switchover', operationId, cause: 'asked for', loss: sure },
    });
  }, 30_000);

  it('does not wait for ever for the poolers, nor take an earlier hold for this one', async () => {
    const [held, earlier] = [await aCluster(), await aCluster()];
    await held.keys.report('n1', { hold: { id: 'h', state: 'held', ms: 0, reason: null } });
    await earlier.keys.report('n1', { hold: { id: 'h', state: 'released', ms: 700, reason: null } });
    for (const { id, keys } of [held, earlier]) {
      await declare(id, { origin: 'switchover', operationId: newId('op'), cause: 'asked for' });
      await keys.release();
      await takeOver(keys);
    }
    const { data } = the(await toldUntil(earlier.id, 'switchover.completed'), 'switchover.completed');
    expect(data).toMatchObject({ stallMs: null });
    expect(names(await told(held.id))).not.toContain('switchover.completed');
    await pause(5_000);
    await held.keys.member('n3');
    const events = await toldUntil(held.id, 'switchover.completed');
    expect(the(events, 'switchover.completed').data).toMatchObject({ stallMs: null });
  }, 30_000);

  it('takes what somebody asked of Patroni itself for what it is', async () => {
    const [handed, forced, scheduled] = [
      await aCluster(),
      await aCluster('quorum'),
      await aCluster('quorum'),
    ];
    for (const { keys } of [forced, scheduled])
      await keys.put('sync', { leader: 'n1', sync_standby: 'n2,n3' });
    await handed.keys.put('failover', { leader: 'n1', member: 'n2' });
    await handed.keys.release();
    await forced.keys.put('failover', { member: 'n2' });
    await forced.keys.release();
    await scheduled.keys.put('failover', { leader: 'n1', member: 'n3', scheduled_at: ago(-3_600_000) });
    await scheduled.keys.die('n1');
    for (const { keys } of [handed, forced, scheduled]) {
      await takeOver(keys);
      await keys.put('failover', {});
    }
    const planned = await toldUntil(handed.id, 'switchover.completed');
    expect(names(planned)).not.toContain('failover.started');
    expect((await history(handed.id))[0]).toMatchObject({ origin: 'switchover', operationId: null });
    const ordered = the(await toldUntil(forced.id, 'failover.completed'), 'failover.started');
    expect(ordered.data).toMatchObject({ cause: 'Patroni was asked for a failover to n2 by hand' });
    // Either of the two had each write. An election would have found the one that has them all, but this candidate was chosen by
    // hand.
    expect((await history(forced.id))[0]).toMatchObject({ origin: 'forced', loss: unsure });
    await toldUntil(scheduled.id, 'failover.completed');
    expect((await history(scheduled.id))[0]).toMatchObject({ origin: 'unplanned', loss: sure });
  }, 30_000);

  it('says of a fenced leader why, and that it was', async () => {
    const { id, keys } = await aCluster();
    const cause = 'the machine of n1 is off';
    await declare(id, { origin: 'fenced', operationId: null, cause });
    await failOver(keys);
    const events = await toldUntil(id, 'failover.completed');
    expect(the(events, 'failover.started').data).toMatchObject({ cause });
    expect(the(events, 'failover.completed').data).toMatchObject({ cause, fenced: true });
    expect((await history(id))[0]).toMatchObject({ origin: 'fenced', cause });
    expect((await row(id)).intent).toBeNull();
  }, 30_000);

  it('does not take a lease that ran out for a switchover, whatever was intended', async () => {
    const { id, keys } = await aCluster('quorum');
    const operationId = newId('op');
    await declare(id, { origin: 'switchover', operationId, cause: 'asked for' });
    await failOver(keys, 'n3');
    const events = await toldUntil(id, 'failover.completed');
    expect(the(events, 'failover.completed').data).toMatchObject({ cause: leaseRanOut('n1'), loss: unsure });
    expect((await history(id))[0]).toMatchObject({ origin: 'unplanned', operationId: null });
    await database.transaction((tx) => intents.withdraw(tx, id, newId('op')));
    expect((await row(id)).intent).toMatchObject({ operationId });
    await database.transaction((tx) => intents.withdraw(tx, id, operationId));
    expect((await row(id)).intent).toBeNull();
  }, 30_000);

  it('takes a leader that has its lock again for the same, unless it was promoted', async () => {
    const [same, promoted] = [await aCluster(), await aCluster()];
    for (const { keys } of [same, promoted]) await keys.die('n1');
    await same.keys.primary('n1', 1);
    await same.keys.lead('n1');
    await promoted.keys.report('n1', { writable: null });
    await promoted.keys.replica('n1', 1);
    await promoted.keys.lead('n1');
    await settled();
    expect(names(await told(promoted.id))).not.toContain('failover.completed');
    await promoted.keys.report('n1', { writable: { timeline: 2, promotedAt, since: ago(0) } });
    await promoted.keys.primary('n1', 2);
    for (const { id } of [same, promoted]) {
      const events = await toldUntil(id, 'failover.completed');
      the(events, 'leader.changed');
      the(events, 'failover.started');
      const { data } = the(events, 'failover.completed');
      expect(data).toMatchObject({ from: 'n1', to: 'n1', fromTimeline: 1, loss: sure });
    }
    const [only, ...none] = await history(same.id);
    expect(only).toMatchObject({ leader: 'n1', timeline: 1, origin: 'bootstrap', until: null });
    expect(none).toEqual([]);
    expect(await history(promoted.id)).toMatchObject([
      { leader: 'n1', timeline: 2, origin: 'unplanned', until: null, promotedAt: lsn },
      { leader: 'n1', timeline: 1, origin: 'bootstrap', until: expect.any(String) as string },
    ]);
  }, 30_000);

  it('tells of one failover when the first that takes over is lost in its turn', async () => {
    const { id, keys } = await aCluster('quorum');
    await miss(keys);
    await keys.die('n1');
    await keys.lead('n2');
    await keys.put('sync', { leader: 'n2', sync_standby: null });
    await keys.release();
    await takeOver(keys, 'n3', 3);
    const events = await toldUntil(id, 'failover.completed');
    expect(the(events, 'failover.started').data).toMatchObject({ leader: 'n1' });
    expect(the(events, 'failover.completed').data).toMatchObject({
      ...{ from: 'n1', to: 'n3', fromTimeline: 1, toTimeline: 3, loss: unsure },
    });
    expect((await history(id)).map(({ leader, timeline }) => [leader, timeline])).toEqual([
      ['n3', 3],
      ['n2', null],
      ['n1', 1],
    ]);
  }, 30_000);

  it("believes Patroni's word where no agent reports", async () => {
    const { id, keys } = await aCluster('async', { agents: false });
    await keys.die('n1');
    await keys.lead('n2');
    await keys.member('n2', { role: 'promoted', replication_state: undefined });
    await settled();
    expect(names(await told(id))).not.toContain('failover.completed');
    const entry = [1, promotedAt, 'no recovery target specified', ago(-1_000), 'n2'];
    await keys.put('history', [entry]);
    await keys.primary('n2', 2);
    const { data } = the(await toldUntil(id, 'failover.completed'), 'failover.completed');
    expect(data).toMatchObject({ toTimeline: 2, promotedAt: lsn, loss: unsure });
    expect(data.outageMs).toBeGreaterThan(0);
    expect((await history(id))[0]).toMatchObject({ patroniReason: 'no recovery target specified' });
  }, 30_000);

  it('misses nothing that happened while it did not run', async () => {
    const [{ id, keys }, handed] = [await aCluster('quorum'), await aCluster()];
    await declare(handed.id, { origin: 'switchover', operationId: newId('op'), cause: 'asked for' });
    await stopBoth();
    await failOver(keys);
    await handed.keys.release();
    await takeOver(handed.keys);
    await startBoth();
    const events = await toldUntil(id, 'failover.completed');
    expect(names(events)).toEqual([
      'leader.changed',
      'failover.started',
      'degraded',
      'leader.changed',
      'durability.reduced',
      'failover.completed',
    ]);
    expect(the(events, 'failover.completed').data).toMatchObject({ cause: leaseRanOut('n1'), loss: sure });
    expect(the(events, 'failover.completed').data.outageMs).toBeGreaterThanOrEqual(2_000);
    expect(names(await toldUntil(handed.id, 'switchover.completed'))).not.toContain('failover.started');
    // It began when the new leader wrote, not when the service learned about it.
    const [second] = await history(id);
    expect(Date.now() - Date.parse(second!.since)).toBeGreaterThan(500);
  }, 60_000);

  it('makes up for what was compacted away from the state alone', async () => {
    const [unseen, begun, back] = [await aCluster('quorum'), await aCluster('quorum'), await aCluster()];
    await miss(begun.keys);
    await begun.keys.die('n1');
    await settled();
    await stopBoth();
    await failOver(unseen.keys);
    await takeOver(begun.keys);
    await failOver(back.keys);
    await back.keys.replica('n1', 2);
    const { header } = await etcd.put('/service/none/mark').value('compacted');
    await etcd.kv.compact({ revision: header.revision, physical: true });
    await startBoth();
    for (const { id } of [unseen, begun, back]) {
      const events = await toldUntil(id, 'failover.completed', 20_000);
      expect(names(events).filter((what) => !/^(degraded|durability\.reduced)$/.test(what))).toEqual([
        'leader.changed',
        'failover.started',
        'leader.changed',
        'failover.completed',
      ]);
    }
    const outcome = async (id: string) => the(await told(id), 'failover.completed').data;
    // The service knows which replicas were in sync with the leader that it saw being lost.
    expect(await outcome(begun.id)).toMatchObject({ cause: leaseRanOut('n1'), loss: sure });
    expect(await outcome(unseen.id)).toMatchObject({ cause: leaseRanOut('n1'), loss: unsure });
    expect(await outcome(back.id)).toMatchObject({ cause: 'n1 lost the lead while nobody was watching' });
    expect((await history(unseen.id))[0]).toMatchObject({ leader: 'n2', timeline: 2, origin: 'unplanned' });
  }, 60_000);

  it('tells when the old leader is back, and what it had that nobody else had', async () => {
    const { id, keys } = await aCluster();
    const rejoin = {
      timeline: 1,
      promotedAt,
      bytes: 160,
      transactions: 2,
      how: 'rewound' as const,
      at: ago(-500),
    };
    await failOver(keys);
    await toldUntil(id, 'failover.completed');
    await keys.replica('n1', 2);
    await keys.report('n1', { writable: null, rejoin, follows: 'n2' });
    await keys.report('n1', { follows: 'n2', watchdog: false });
    await keys.forget('n1');
    await keys.report('n1', { rejoin });
    await settled();
    const events = await toldUntil(id, 'failover.loss.measured');
    expect(the(events, 'member.rejoined').data).toMatchObject({ member: 'n1', timeline: 2, how: 'rewound' });
    expect(the(events, 'failover.loss.measured').data).toMatchObject({
      ...{ member: 'n1', timeline: 1, promotedAt: lsn, bytes: 160, transactions: 2 },
    });
    expect(names(events).slice(-3)).toEqual(['recovered', 'member.rejoined', 'failover.loss.measured']);
    expect((await history(id))[0]).toMatchObject({ measuredLoss: { bytes: 160, transactions: 2 } });
  }, 30_000);

  it('measures no loss of who handed over', async () => {
    const { id, keys } = await aCluster();
    await declare(id, { origin: 'switchover', operationId: newId('op'), cause: 'asked for' });
    await keys.release();
    await takeOver(keys);
    await keys.replica('n1', 2);
    const rejoin = {
      timeline: 1,
      promotedAt,
      bytes: 0,
      transactions: 0,
      how: 'followed' as const,
      at: ago(-500),
    };
    await keys.report('n1', { writable: null, rejoin, follows: 'n2' });
    const events = await toldUntil(id, 'member.rejoined');
    expect(names(events)).not.toContain('failover.loss.measured');
    expect(names(events).slice(-3)).toEqual(['switchover.completed', 'recovered', 'member.rejoined']);
  }, 30_000);

  it('says when the cluster is not whole, and for how long it was not', async () => {
    const { id, keys } = await aCluster();
    await keys.die('n3');
    const degraded = the(await toldUntil(id, 'degraded'), 'degraded');
    expect(degraded.data).toMatchObject({
      ...{ reason: 'n1 leads, 2 of 3 members serve', leader: 'n1', serving: 2, nodes: 3 },
    });
    await keys.replica('n3', 1);
    const recovered = the(await toldUntil(id, 'recovered'), 'recovered');
    expect(recovered.data.durationMs).toBeGreaterThanOrEqual(300);
    expect((await row(id)).degradedAt).toBeNull();
    expect(names(await told(id))).toEqual(['leader.changed', 'degraded', 'recovered']);
  }, 30_000);

  it('writes down without a word what happens while a cluster is deleted', async () => {
    const { id, keys } = await aCluster();
    await database.manager.update(ClusterEntity, { id }, { state: 'deleting' });
    await failOver(keys);
    await settled();
    expect(names(await toldUntil(id, 'leader.changed'))).toEqual(['leader.changed', 'leader.changed']);
    expect((await history(id)).map(({ leader, timeline }) => [leader, timeline])).toEqual([
      ['n2', 2],
      ['n1', 1],
    ]);
  }, 30_000);

  it('shows failover settings, watchdogs and which Patroni runs, and changes nothing that is so already', async () => {
    const { id: clusterId } = await aCluster('quorum');
    const cluster = await requester().ask(getCluster, { clusterId });
    expect(cluster.failover).toEqual({
      ...{ profile: 'fast', durability: 'quorum', fencing: true, fencingPossible: true, failsafe: true },
      ...{ leaderLossSeconds: 24, etcdLossSeconds: 5 },
    });
    expect(cluster.members.map((member) => [member.name, member.watchdog, member.patroni])).toEqual([
      ['n1', true, patroni],
      ['n2', false, null],
      ['n3', false, null],
    ]);
    const change = { failover: { profile: 'fast' as const, fencing: true } };
    expect(await requester().ask(updateCluster, { clusterId, change })).toMatchObject({
      kind: 'cluster.update',
      state: 'succeeded',
    });
    for (const state of ['creating', 'failed', 'deleting'] as const) {
      await database.manager.update(ClusterEntity, { id: clusterId }, { state });
      await expect(requester().ask(updateCluster, { clusterId, change })).rejects.toMatchObject({
        problem: { status: 409, code: 'conflict' },
      });
    }
    await expect(requester().ask(getHistory, { clusterId: newId('clu') })).rejects.toMatchObject({
      problem: { status: 404 },
    });
  }, 30_000);

  it('says when a sync cluster acknowledges writes alone, and since when, until a replica has them again', async () => {
    const { id: clusterId, keys } = await aCluster('sync');
    await keys.put('config', { synchronous_mode: true, synchronous_mode_strict: false });
    await settled();
    const durability = async () => (await requester().ask(getCluster, { clusterId })).durability;
    expect(await durability()).toEqual({ configured: 'sync', effective: 'sync', alone: false, since: null });
    for (const name of ['n2', 'n3']) await keys.die(name);
    await keys.put('sync', { leader: 'n1', sync_standby: null });
    const reduced = the(await toldUntil(clusterId, 'durability.reduced'), 'durability.reduced');
    expect(reduced.data).toMatchObject({ durability: 'sync', leader: 'n1' });
    const alone = await durability();
    expect(alone).toMatchObject({ configured: 'sync', effective: 'async', alone: true });
    expect(alone.since).not.toBeNull();
    const metric = async () =>
      (await register.metrics()).match(new RegExp(`reduced.*${clusterId}.* (\\d)`))?.[1];
    expect(await metric()).toBe('1');
    const periods = async () => (await requester().ask(getHistory, { clusterId })).reducedDurability;
    expect(await periods()).toEqual([{ since: alone.since, until: null, configured: 'sync', leader: 'n1' }]);

    await keys.replica('n2', 1);
    await keys.put('sync', { leader: 'n1', sync_standby: 'n2' });
    const restored = the(await toldUntil(clusterId, 'durability.restored'), 'durability.restored');
    expect(restored.data).toMatchObject({ durability: 'sync', since: alone.since });
    expect(await durability()).toMatchObject({ effective: 'sync', alone: false, since: null });
    expect(await metric()).toBe('0');
    expect(await periods()).toMatchObject([{ since: alone.since, until: expect.any(String) as string }]);
  }, 30_000);

  it('does not say so of strict-sync, whose writes wait, and shows what is in force beside what was asked for', async () => {
    const { id: clusterId, keys } = await aCluster('strict-sync');
    await keys.put('config', { synchronous_mode: 'on', synchronous_mode_strict: true });
    await keys.put('sync', { leader: 'n1', sync_standby: '' });
    await settled();
    await database.manager.update(ClusterEntity, { id: clusterId }, { durability: 'async' });
    const cluster = await requester().ask(getCluster, { clusterId });
    expect(cluster.durability).toMatchObject({ configured: 'async', effective: 'strict-sync', alone: false });
    expect(names(await told(clusterId))).toEqual(['leader.changed']);
  }, 30_000);

  it('counts the outage of a leader that was cut off from when it fell silent, not from the end of its lease', async () => {
    const { id, keys } = await aCluster();
    await miss(keys, 'n1', 18_000);
    await keys.die('n1');
    // Like a node's agent: it reports that it writes before its pooler has switched.
    await keys.lead('n2');
    await keys.report('n2', { writable: { timeline: 2, promotedAt, since: ago(0) } });
    await keys.primary('n2', 2, promotedAt + 200);
    const { data } = the(await toldUntil(id, 'failover.completed'), 'failover.completed');
    expect(data.outageBound).toBe('exact');
    expect(data.outageMs).toBeGreaterThanOrEqual(18_000);
    expect(data.outageMs).toBeLessThan(20_000);
  }, 30_000);

  it('says when an outage is only bounded', async () => {
    const { id, keys } = await aCluster();
    await keys.die('n1');
    await takeOver(keys);
    const { data } = the(await toldUntil(id, 'failover.completed'), 'failover.completed');
    // The lease of a fast cluster is 20 s; the leader renewed it while it was still there.
    expect(data).toMatchObject({ outageBound: 'at-most' });
    expect(data.outageMs).toBeGreaterThanOrEqual(19_500);
    expect((await history(id))[0]).toMatchObject({ outageBound: 'at-most' });
  }, 30_000);

  it('names a full disk as what a leader was lost to', async () => {
    const { id, keys } = await aCluster();
    await keys.report('n1', { disk: { bytes: 400_000_000, free: 4096 } });
    await keys.release();
    await takeOver(keys);
    const { data } = the(await toldUntil(id, 'failover.completed'), 'failover.completed');
    expect(data.cause).toBe('the disk with the WAL of n1 is full: 4096 of 400000000 bytes are free');
  }, 30_000);

  it('does not attribute the return of the old leader to a fenced failover that failed', async () => {
    const { id, keys } = await aCluster();
    const operationId = newId('op');
    await declare(id, {
      origin: 'fenced',
      operationId,
      cause: 'the machine n1 is off, as its provider proves',
    });
    await keys.die('n1');
    await toldUntil(id, 'failover.started');
    await database.transaction((tx) => intents.withdraw(tx, id, operationId));
    await keys.lead('n1');
    await keys.report('n1', { writable: { timeline: 2, promotedAt, since: ago(0) } });
    await keys.primary('n1', 2, promotedAt + 200);
    const { data } = the(await toldUntil(id, 'failover.completed'), 'failover.completed');
    expect(data).toMatchObject({ from: 'n1', to: 'n1', fenced: false, cause: leaseRanOut('n1') });
    expect((await history(id))[0]).toMatchObject({
      origin: 'unplanned',
      operationId: null,
      cause: leaseRanOut('n1'),
    });
  }, 30_000);

  it('calls nothing a failover of a cluster with a single node', async () => {
    const { id, keys } = await aCluster();
    for (const name of ['n2', 'n3']) await keys.die(name);
    await settled();
    await database.manager.update(ClusterEntity, { id }, { nodes: 1 });
    await keys.die('n1');
    await settled();
    await keys.lead('n1');
    await keys.report('n1', { writable: { timeline: 2, promotedAt, since: ago(0) } });
    await keys.primary('n1', 2, promotedAt + 200);
    await toldUntil(id, 'recovered');
    expect(names(await told(id)).filter((what) => what.startsWith('failover'))).toEqual([]);
    expect((await history(id))[0]).toMatchObject({ leader: 'n1', timeline: 2, outageBound: 'at-most' });
  }, 30_000);
});
