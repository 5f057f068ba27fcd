import { setTimeout as pause } from 'node:timers/promises';
import type { BackupList, Operation, RecoveryWindow } from '@pgfleet/contracts';
import { stepTimes, type Platform } from '@pgfleet/platform';
import { makePgbenchTables, runOverSsh, runPgbench } from '@pgfleet/write-checker';
import { Client } from 'pg';
import { PgfleetSite } from '../failover/pgfleet-site';
import { leaderOf, type OnMachine } from '../failover/site';
import type { BackupSite, Took } from './site';

/** A cluster of the platform, driven through its API. */
export class PgfleetBackups implements BackupSite {
  readonly name = 'pgfleet';

  private constructor(
    private readonly platform: Platform,
    private readonly on: OnMachine,
    private readonly ssh: readonly string[],
    private readonly site: PgfleetSite,
  ) {}

  static async make(
    platform: Platform,
    on: OnMachine,
    ssh: readonly string[],
    userId: string,
  ): Promise<PgfleetBackups> {
    const site = await PgfleetSite.make(platform, 'bench-backup', userId);
    const backups = new PgfleetBackups(platform, on, ssh, site);
    // No backup may start by itself during a measurement.
    const schedules = { full: null, differential: null, incremental: null };
    await backups.call('PUT', '/backup-policy', { schedules });
    await backups.settled();
    return backups;
  }

  get uri(): string {
    return this.site.uri;
  }

  async fill(scale: number): Promise<void> {
    await makePgbenchTables({ ...this.bench(), scale });
    await this.site.whole();
    const leader = await leaderOf(this.site);
    const replicas = this.site.nodes.map(({ name }) => name).filter((name) => name !== leader);
    for (const name of [leader, ...replicas])
      await this.on(name, 'runuser -u postgres -- psql -Xqc checkpoint');
  }

  async load(transactions: number): Promise<void> {
    await runPgbench({
      ...this.bench(),
      clients: 4,
      transactions: Math.ceil(transactions / 4),
      mode: 'simple',
    });
  }

  /** Runs pgbench through port 5000 for this long. */
  async loadFor(seconds: number): Promise<number> {
    const { transactions } = await runPgbench({ ...this.bench(), clients: 4, seconds, mode: 'simple' });
    return transactions;
  }

  /** Backs up on a replica, as is the default, or on the leader. */
  async backUp(from: 'replica' | 'leader' = 'replica'): Promise<Took> {
    await this.call('PUT', '/backup-policy', { from });
    const begun = Date.now();
    const operation = await this.done(await this.call<Operation>('POST', '/backups', { type: 'full' }));
    return { ms: Date.now() - begun, steps: stepTimes(operation) };
  }

  /** Runs the command that an administrator would type on a replica to back up from there: pgBackRest, without the platform. */
  async backUpByHand(): Promise<Took> {
    const { stanza } = await this.model();
    const leader = await leaderOf(this.site);
    const address = this.site.nodes.find(({ name }) => name === leader)?.address ?? '';
    const replica = this.site.nodes.find(({ name }) => name !== leader)?.name ?? '';
    const options = `--config-include-path=/etc/pgfleet/backup-from-replica --stanza=${stanza} --pg2-host=${address}`;
    const begun = Date.now();
    await this.on(
      replica,
      `cd / && runuser -u postgres -- pgbackrest ${options} --backup-standby=y --type=full --no-expire-auto backup`,
    );
    return { ms: Date.now() - begun, steps: [] };
  }

  /** How a node's pgBackRest is configured, for the machine that is driven by hand. */
  async model(): Promise<{ node: string; stanza: string }> {
    const { stanza } = await this.call<BackupList>('GET', '/backups');
    return { node: await leaderOf(this.site), stanza };
  }

  async archivedMoment(): Promise<string> {
    const psql = (sql: string) => `runuser -u postgres -- psql -XAtqc "${sql}"`;
    const leader = await leaderOf(this.site);
    const now = await this.on(
      leader,
      psql(`select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\\"T\\"HH24:MI:SS.US\\"Z\\"')`),
    );
    await this.on(leader, psql(`select pg_logical_emit_message(true, 'bench', 'after'), pg_switch_wal()`));
    const moment = now.trim();
    const deadline = Date.now() + 120_000;
    for (;;) {
      const { latest } = await this.call<RecoveryWindow>('GET', '/recovery-window');
      if (latest && Date.parse(latest.time) >= Date.parse(moment)) return moment;
      if (Date.now() > deadline) throw new Error(`${moment} is not in the window after two minutes`);
      await pause(500);
    }
  }

  async restore(to: string | 'latest'): Promise<Took> {
    await this.settled();
    const { timeline } = await this.platform.api.cluster(this.site.clusterId);
    const target = to === 'latest' ? { type: 'latest' } : { type: 'time', time: to };
    const begun = Date.now();
    const asked = await this.call<Operation>('POST', '/restore', { target });
    // Awaited below, so that a failed restore is reported first.
    const written = this.firstWriteAfter(timeline ?? 0, begun + 1_800_000).catch((error: Error) => error);
    const operation = await this.done(asked);
    const at = await written;
    if (at instanceof Error) throw at;
    await this.done(await this.call<Operation>('POST', '/restore/undo', {}));
    await this.settled();
    const interrupted = `nobody could write for ${((at.at - at.servedLast) / 1000).toFixed(1)} s of it`;
    return { ms: at.at - begun, steps: [...stepTimes(operation), interrupted] };
  }

  /** Operations that an interruption left running are cancelled, or end. */
  async remove(): Promise<void> {
    for (const { id } of await this.underWay()) {
      await this.platform.api.call('POST', `/operations/${id}/cancel`, {}).catch(() => undefined);
      await this.platform.api.follow(id, 180_000);
    }
    const { id } = await this.platform.api.deleteCluster(this.site.clusterId, false);
    await this.platform.api.follow(id, 180_000);
  }

  /** The cluster is complete, and no backup of it is running. */
  async settled(): Promise<void> {
    await this.site.whole();
    while ((await this.underWay()).length > 0) await pause(500);
  }

  private async underWay(): Promise<Operation[]> {
    const { clusterId } = this.site;
    const path = `/operations?clusterId=${clusterId}&limit=50`;
    const { items } = await this.platform.api.call<{ items: Operation[] }>('GET', path);
    return items.filter(({ state }) => ['pending', 'running'].includes(state));
  }

  /**
   * Returns when a write was accepted on a later timeline than this one, and when the last write before it was. Until that last
   * write, clients still saw the old data.
   */
  private async firstWriteAfter(
    timeline: number,
    deadline: number,
  ): Promise<{ at: number; servedLast: number }> {
    const servedLast = await this.writeUntilCutOff();
    while (Date.now() < deadline) {
      const client = this.customer();
      try {
        await client.connect();
        if ((await writeTo(client)) > timeline) return { at: Date.now(), servedLast };
      } catch {
        // Not yet.
      } finally {
        await client.end().catch(() => undefined);
      }
      await pause(50);
    }
    throw new Error('no write was accepted after the restore');
  }

  /** Writes over one connection, and rarely: the other side has no load during its restore either. Returns when the last write succeeded. */
  private async writeUntilCutOff(): Promise<number> {
    const client = this.customer();
    let servedLast = Date.now();
    try {
      await client.connect();
      for (;;) {
        await writeTo(client);
        servedLast = Date.now();
        await pause(200);
      }
    } catch {
      return servedLast;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private customer(): Client {
    const client = new Client({
      connectionString: this.uri.replace('?sslmode=require', ''),
      ssl: { rejectUnauthorized: false },
      connectionTimeoutMillis: 1000,
      query_timeout: 2000,
    });
    return client.on('error', () => undefined);
  }

  private bench() {
    const { username, password, pathname } = new URL(this.uri);
    return {
      host: this.site.host,
      port: 5000,
      user: username,
      password: decodeURIComponent(password),
      database: pathname.slice(1),
      parameters: { sslmode: 'require' },
      run: runOverSsh(this.ssh, 'infra1'),
      withinSeconds: 1200,
    };
  }

  private call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.platform.api.call<T>(method, `/clusters/${this.site.clusterId}${path}`, body);
  }

  private async done({ id }: { id: string }): Promise<Operation> {
    const operation = await this.platform.api.follow(id, 1_800_000);
    if (operation.state === 'succeeded') return operation;
    throw new Error(`${operation.kind} ${operation.state}: ${JSON.stringify(operation.error)}`);
  }
}

/** Writes a row, and returns its timeline. */
async function writeTo(client: Client): Promise<number> {
  await client.query('create table if not exists bench_first_write (v int)');
  await client.query('insert into bench_first_write values (1)');
  const { rows } = await client.query<{ timeline: string }>(
    'select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline',
  );
  return parseInt(rows[0]?.timeline ?? '0', 16);
}
