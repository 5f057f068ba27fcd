import { Etcd3, type IWatchResponse, type Watcher } from 'etcd3';
import { abandon } from './abandoned-watcher';
import { namespace, parseKey, type KeyChange } from './keys';

/** The changes that etcd made at once. */
export interface Revision {
  revision: bigint;
  /** In etcd's order. */
  changes: KeyChange[];
}

/** Receives the changes. Calls are sequential, never concurrent. If one throws, the watch starts again from `position()`. */
export interface WatchSink {
  /** The etcd revision up to which everything has been processed; null if nothing has been yet. */
  position(): Promise<bigint | null>;
  /** All keys at `revision`; keys that are not listed are gone. */
  snapshot(keys: KeyChange[], revision: bigint): Promise<void>;
  /**
   * Everything that arrived since the last call returned, in etcd's order: changes that arrive during a call are gathered for the
   * next. A change of the leader ends a batch, so that its event does not wait for anything that came later.
   */
  changes(revisions: readonly Revision[]): Promise<void>;
}

export interface WatchOptions {
  /** Creates a client. It is called again for each new connection, because a client keeps its token and its dead channels. */
  connect: () => Etcd3;
  sink: WatchSink;
  log: { warn(message: string): void; log(message: string): void };
  /** How often to read the newest key from the quorum, to see whether the watch is behind. */
  checkEveryMs?: number;
  reconnectAfterMs?: number;
}

/**
 * When etcd ends a watch because its revision is compacted, the reason is in a field that the client does not pass on; any other
 * end has a reason. The past is gone: only a snapshot can show what changed.
 */
const isCompacted = (error: unknown): boolean => /compacted|Watcher canceled:\s*$/.test(String(error));

/** How long etcd may take to confirm a watch. A member that lost power neither confirms nor refuses a stream. */
const confirmWithinMs = 5000;

const confirmed = async (watcher: Watcher): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`etcd did not confirm the watch within ${confirmWithinMs} ms`)),
        confirmWithinMs,
      );
      watcher.once('connected', () => resolve()).once('error', reject);
    });
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Follows Patroni's keys of all clusters without missing a change. It continues from the revision that the sink has stored, and
 * after a compaction it reconciles with a snapshot. A watch on an etcd member that is cut off from the others stays silent
 * without an error. So the watch's newest revision is regularly compared with a quorum read, and a watch that is behind is
 * replaced.
 */
export class ServiceWatch {
  private client: Etcd3 | null = null;
  private watcher: Watcher | null = null;
  private checkTimer: NodeJS.Timeout | null = null;
  private restartTimer: NodeJS.Timeout | null = null;
  private queue: Promise<void> = Promise.resolve();
  private waiting: Revision[] = [];
  private seen = 0n;
  /** The newest quorum revision that the watch lacked at a check. If the watch still lacks it at the next check, it is deaf. */
  private behindSince: bigint | null = null;
  private stopped = true;
  private generation = 0;

  constructor(private readonly options: WatchOptions) {}

  start(): void {
    this.stopped = false;
    void this.begin();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.disconnect();
    await this.queue;
  }

  private async begin(): Promise<void> {
    const generation = ++this.generation;
    try {
      this.client = this.options.connect();
      const client = this.client;
      let position = await this.options.sink.position();
      if (position === null) position = await this.takeSnapshot(client);
      if (this.isOver(generation)) return;
      this.seen = position;
      const watcher = client
        .watch()
        .prefix(namespace)
        .startRevision(String(position + 1n))
        .watcher();
      this.watcher = watcher;
      watcher
        .on('data', (response) => this.receive(response, generation))
        .on('disconnected', (error) => this.restart(generation, `watch disconnected: ${String(error)}`))
        .on('error', (error) => this.failed(error, generation));
      await confirmed(watcher);
      if (this.isOver(generation)) return;
      this.checkTimer = setInterval(
        () => void this.check(client, generation),
        this.options.checkEveryMs ?? 2000,
      );
      this.options.log.log(`following ${namespace} from revision ${position}`);
    } catch (error) {
      this.failed(error, generation);
    }
  }

  private failed(error: unknown, generation: number): void {
    if (this.isOver(generation)) return;
    if (!isCompacted(error)) return this.restart(generation, String(error));
    const client = this.client;
    if (!client) return;
    this.options.log.warn('the revision to go on from was compacted: reconciling with a snapshot');
    this.takeSnapshot(client).then(
      () => this.restart(generation, 'reconciled'),
      (failure: unknown) => this.restart(generation, String(failure)),
    );
  }

  private receive(response: IWatchResponse, generation: number): void {
    const byRevision = new Map<bigint, KeyChange[]>();
    for (const event of response.events) {
      const revision = BigInt(event.kv.mod_revision);
      const change = parseKey(
        event.kv.key.toString(),
        event.type === 'Delete' ? null : event.kv.value.toString(),
      );
      if (change) byRevision.set(revision, [...(byRevision.get(revision) ?? []), change]);
    }
    for (const [revision, changes] of byRevision) {
      this.seen = revision > this.seen ? revision : this.seen;
      this.waiting.push({ revision, changes });
    }
    this.enqueue(() => this.takeWaiting(generation), generation);
  }

  private async takeWaiting(generation: number): Promise<void> {
    while (this.waiting.length > 0 && !this.isOver(generation)) {
      const leader = this.waiting.findIndex(({ changes }) => changes.some(({ path }) => path === 'leader'));
      await this.options.sink.changes(this.waiting.splice(0, leader < 0 ? Infinity : leader + 1));
    }
  }

  private enqueue(work: () => Promise<void>, generation: number): void {
    this.queue = this.queue.then(async () => {
      if (this.isOver(generation)) return;
      try {
        await work();
      } catch (error) {
        this.restart(generation, `a change could not be taken in: ${String(error)}`);
      }
    });
  }

  private async takeSnapshot(client: Etcd3): Promise<bigint> {
    const response = await client.getAll().prefix(namespace).exec();
    const revision = BigInt(response.header.revision);
    const keys = response.kvs.flatMap((kv) => parseKey(kv.key.toString(), kv.value.toString()) ?? []);
    await this.queue;
    await this.options.sink.snapshot(keys, revision);
    return revision;
  }

  private async check(client: Etcd3, generation: number): Promise<void> {
    try {
      const newest = await client.getAll().prefix(namespace).sort('Mod', 'Descend').limit(1).exec();
      const revision = BigInt(newest.kvs[0]?.mod_revision ?? 0);
      if (this.isOver(generation)) return;
      const deaf = this.behindSince !== null && this.seen < this.behindSince;
      this.behindSince = this.seen < revision ? revision : null;
      if (deaf) this.restart(generation, `the watch is behind the quorum (${this.seen} < ${revision})`);
    } catch (error) {
      this.restart(generation, `etcd does not answer: ${String(error)}`);
    }
  }

  private restart(generation: number, reason: string): void {
    if (this.isOver(generation)) return;
    this.generation++;
    this.disconnect();
    this.options.log.warn(`${reason}; connecting again`);
    this.restartTimer = setTimeout(() => {
      if (!this.stopped) void this.begin();
    }, this.options.reconnectAfterMs ?? 500);
  }

  private disconnect(): void {
    if (this.checkTimer) clearInterval(this.checkTimer);
    if (this.restartTimer) clearTimeout(this.restartTimer);
    if (this.watcher) abandon(this.watcher);
    this.watcher = null;
    this.waiting = [];
    this.behindSince = null;
    this.client?.close();
    this.client = null;
  }

  private isOver(generation: number): boolean {
    return this.stopped || generation !== this.generation;
  }
}
