import type { Durability } from '@pgfleet/contracts';
import type { EndedTimeline, KeyChange, NodeReport, OrderedChange, PatroniMember } from '@pgfleet/patroni';
import { durabilityOf } from '../failover/durability';
import type { ClusterEntity } from '../persistence/cluster.entity';

/** The state of a cluster in etcd at one moment. */
export interface Sight {
  /** Holder of the leader lock. */
  readonly leader: string | null;
  readonly leaderPosition: number | null;
  readonly syncStandbys: readonly string[];
  /** The durability that Patroni's configuration sets; null while unknown. */
  readonly durability: Durability | null;
  readonly orderedChange: OrderedChange | null;
  readonly history: readonly EndedTimeline[];
  readonly members: ReadonlyMap<string, PatroniMember>;
  readonly reports: ReadonlyMap<string, NodeReport>;
}

/** What one revision changes in a cluster, or for a snapshot everything that changed since the last processed one. */
export interface ClusterChange {
  /** The locked row. Writes to it are stored after the change has been followed. */
  readonly cluster: ClusterEntity;
  readonly before: Sight;
  readonly after: Sight;
  readonly revision: bigint;
  /** False for a snapshot: what happened between `before` and `after` was not observed. */
  readonly watched: boolean;
  /** When it is processed. */
  readonly at: Date;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const put = <Value>(map: ReadonlyMap<string, Value>, name: string, value: Value | null) => {
  const copy = new Map(map);
  if (value === null) copy.delete(name);
  else copy.set(name, value);
  return copy;
};

const takeKey = (sight: Writable<Sight>, { path, value }: KeyChange): void => {
  const [, folder, name] = /^(members|pgfleet\/nodes)\/(.+)$/.exec(path) ?? [];
  if (folder === 'members' && name) {
    sight.members = put(sight.members, name, value?.kind === 'member' ? value.member : null);
  } else if (name) {
    sight.reports = put(sight.reports, name, value?.kind === 'node' ? value.node : null);
  } else if (path === 'leader') {
    sight.leader = value?.kind === 'leader' ? value.holder : null;
  } else if (path === 'sync') {
    sight.syncStandbys = value?.kind === 'sync' ? value.standbys : [];
  } else if (path === 'failover') {
    const { leader, candidate, scheduledAt } = value?.kind === 'failover' ? value : nothingOrdered;
    sight.orderedChange = leader || candidate ? { leader, candidate, scheduledAt } : null;
  } else if (value?.kind === 'config') {
    sight.durability = durabilityOf(value.config);
  } else if (value?.kind === 'status') {
    sight.leaderPosition = value.leaderPosition ?? sight.leaderPosition;
  } else if (value?.kind === 'history') {
    sight.history = value.entries;
  }
};

const nothingOrdered: OrderedChange = { leader: null, candidate: null, scheduledAt: null };

/** The state after keys have changed. */
export const afterKeys = (before: Sight, changes: readonly KeyChange[]): Sight => {
  const after = { ...before };
  for (const change of changes) takeKey(after, change);
  return after;
};

/** The state without any keys, from which a snapshot starts. Values of keys that are never removed still hold. */
export const withoutKeys = (before: Sight): Sight => ({
  ...before,
  leader: null,
  syncStandbys: [],
  orderedChange: null,
  members: new Map(),
  reports: new Map(),
});
