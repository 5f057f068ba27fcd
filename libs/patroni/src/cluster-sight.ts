import type { Etcd3, IEvent, Watcher } from 'etcd3';
import { abandon } from './abandoned-watcher';
import { namespace, parseKey, type PatroniMember } from './keys';
import type { NodeReport } from './node-report';

/** A cluster as etcd's quorum knows it at one moment. */
export interface ClusterSight {
  leader: string | null;
  members: ReadonlyMap<string, PatroniMember>;
  /** The members that have, or may be given, every acknowledged write; empty when replication is not synchronous. */
  syncStandbys: readonly string[];
  leaderPosition: number | null;
  nodes: ReadonlyMap<string, NodeReport>;
}

type Value = NonNullable<ReturnType<typeof parseKey>>['value'];
type Keys = ReadonlyMap<string, Value>;

const sightOf = (keys: Keys): ClusterSight => {
  const members = new Map<string, PatroniMember>();
  const nodes = new Map<string, NodeReport>();
  let leader: string | null = null;
  let syncStandbys: readonly string[] = [];
  let leaderPosition: number | null = null;
  for (const value of keys.values()) {
    if (value?.kind === 'leader') leader = value.holder;
    else if (value?.kind === 'member') members.set(value.name, value.member);
    else if (value?.kind === 'node') nodes.set(value.name, value.node);
    else if (value?.kind === 'sync') syncStandbys = value.standbys;
    else if (value?.kind === 'status') leaderPosition = value.leaderPosition;
  }
  return { leader, members, syncStandbys, leaderPosition, nodes };
};

async function readKeys(etcd: Etcd3, scope: string): Promise<{ keys: Map<string, Value>; revision: bigint }> {
  const { kvs, header } = await etcd.getAll().prefix(`${namespace}${scope}/`).exec();
  const keys = new Map<string, Value>();
  for (const { key, value } of kvs) {
    const parsed = parseKey(key.toString(), value.toString());
    if (parsed) keys.set(parsed.path, parsed.value);
  }
  return { keys, revision: BigInt(header.revision) };
}

export async function readCluster(etcd: Etcd3, scope: string): Promise<ClusterSight> {
  return sightOf((await readKeys(etcd, scope)).keys);
}

/** How often to read the quorum as well, so that a silent watch does not block its caller. */
const readEveryMs = 1000;

/**
 * Looks at a cluster now and after every change of its keys until `look` returns something other than undefined, and returns
 * that. Returns undefined if this does not happen within the given milliseconds. Throws what `look` throws, and throws if etcd
 * does not answer at the deadline.
 * The watch makes it fast. The reads make it reliable: the watch may end, or be stuck on a member that lost power.
 */
export async function watchCluster<T>(
  etcd: Etcd3,
  scope: string,
  look: (sight: ClusterSight) => T | undefined,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<T | undefined> {
  const deadline = Date.now() + withinMs;
  const watch = new ScopeWatch(etcd, scope);
  try {
    let failure: Error | undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        await watch.read();
        failure = undefined;
      } catch (error) {
        failure = error as Error;
      }
      if (!failure) {
        const found = look(watch.sight);
        if (found !== undefined) return found;
      }
      const nextRead = Math.min(deadline, Date.now() + readEveryMs);
      while (await watch.changed(nextRead - Date.now(), signal)) {
        const found = look(watch.sight);
        if (found !== undefined) return found;
      }
      if (Date.now() >= deadline) {
        if (failure) throw failure;
        return undefined;
      }
    }
  } finally {
    watch.end();
  }
}

/** The keys of one cluster: as read from the quorum, plus the changes since. */
class ScopeWatch {
  private keys = new Map<string, Value>();
  private revision = 0n;
  private watcher: Watcher | null = null;
  private isNew = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly etcd: Etcd3,
    private readonly scope: string,
  ) {}

  get sight(): ClusterSight {
    return sightOf(this.keys);
  }

  async read(): Promise<void> {
    const { keys, revision } = await readKeys(this.etcd, this.scope);
    if (revision >= this.revision) [this.keys, this.revision] = [keys, revision];
    this.watcher ??= this.watch();
  }

  /** Waits for a change; returns false if none arrives within the given milliseconds. */
  async changed(withinMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.isNew && withinMs > 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => done(), withinMs);
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.wake = done;
        signal.addEventListener('abort', done, { once: true });
      });
    signal.throwIfAborted();
    const changed = this.isNew;
    this.isNew = false;
    return changed;
  }

  end(): void {
    if (this.watcher) abandon(this.watcher);
  }

  private watch(): Watcher {
    const watcher = this.etcd
      .watch()
      .prefix(`${namespace}${this.scope}/`)
      .startRevision(String(this.revision + 1n))
      .watcher();
    return watcher
      .on('data', ({ events }) => this.take(events))
      .on('error', () => {
        abandon(watcher);
        this.watcher = null; // the next read starts another
      });
  }

  private take(events: IEvent[]): void {
    for (const { kv, type } of events) {
      const revision = BigInt(kv.mod_revision);
      if (revision <= this.revision) continue; // already read
      const parsed = parseKey(kv.key.toString(), type === 'Delete' ? null : kv.value.toString());
      if (parsed?.value) this.keys.set(parsed.path, parsed.value);
      else if (parsed) this.keys.delete(parsed.path);
      this.isNew = true;
    }
    const last = events.at(-1);
    if (last && BigInt(last.kv.mod_revision) > this.revision) this.revision = BigInt(last.kv.mod_revision);
    this.wake();
  }
}
