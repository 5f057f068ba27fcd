import type { Etcd3 } from 'etcd3';
import { namespace, parseKey, type PatroniMember } from './keys';
import type { NodeReport } from './node-report';

/** A cluster as etcd's quorum knows it at one moment. */
export interface ClusterSight {
  leader: string | null;
  members: ReadonlyMap<string, PatroniMember>;
  /** Those that have, or may be given, every acknowledged write; empty when replication is not synchronous. */
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

/**
 * Looks at a cluster now and after every change of its keys, until `look` gives something else than undefined; gives that, or
 * undefined when it did not within so many milliseconds. Throws when the watch breaks. The quorum is read once: a cluster changes its
 * leader while this looks on, and what reads it again and again would take the time that others need for that.
 */
export async function watchCluster<T>(
  etcd: Etcd3,
  scope: string,
  look: (sight: ClusterSight) => T | undefined,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<T | undefined> {
  const deadline = Date.now() + withinMs;
  const { keys, revision } = await readKeys(etcd, scope);
  signal.throwIfAborted();
  const first = look(sightOf(keys));
  if (first !== undefined) return first;

  const watcher = await etcd
    .watch()
    .prefix(`${namespace}${scope}/`)
    .startRevision(String(revision + 1n))
    .create();
  let stopWaiting: () => void = () => undefined;
  try {
    return await new Promise<T | undefined>((resolve, reject) => {
      watcher.on('data', ({ events }) => {
        for (const { kv, type } of events) {
          const parsed = parseKey(kv.key.toString(), type === 'Delete' ? null : kv.value.toString());
          if (parsed?.value) keys.set(parsed.path, parsed.value);
          else if (parsed) keys.delete(parsed.path);
        }
        try {
          const found = look(sightOf(keys));
          if (found !== undefined) resolve(found);
        } catch (error) {
          reject(error as Error);
        }
      });
      watcher.on('error', reject).on('disconnected', reject);
      const timer = setTimeout(() => resolve(undefined), Math.max(0, deadline - Date.now()));
      const abort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      stopWaiting = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      };
    });
  } finally {
    stopWaiting();
    await watcher.cancel().catch(() => undefined);
  }
}
