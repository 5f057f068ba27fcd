import type { Durability } from '@pgfleet/contracts';
import type { EndedTimeline, KeyChange, NodeReport, OrderedChange, PatroniMember } from '@pgfleet/patroni';
import { durabilityOf } from '../failover/durability';
import type { ClusterEntity } from '../persistence/cluster.entity';

/** What etcd says of a cluster at one moment. */
export interface Sight {
  /** Holder of the leader lock. */
  readonly leader: string | null;
  readonly leaderPosition: number | null;
  readonly syncStandbys: readonly string[];
  /** The durability that Patroni's configuration sets; null while it is not known. */
  readonly durability: Durability | null;
  readonly orderedChange: OrderedChange | null;
  readonly history: readonly EndedTimeline[];
  readonly members: ReadonlyMap<string, PatroniMember>;
  readonly reports: ReadonlyMap<string, NodeReport>;
}

/** What one revision changes of a cluster; with a snapshot, all that has changed since the last one that was taken in. */
export interface ClusterChange {
  /** The row, locked. What is written to it is stored when the change has been followed. */
  readonly cluster: ClusterEntity;
  readonly before: Sight;
  readonly after: Sight;
  readonly revision: bigint;
  /** False for a snapshot: whatever happened between `before` and `after` was not seen. */
  readonly watched: boolean;
  /** When it is taken in. */
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

/** What is seen after keys have changed. */
export const afterKeys = (before: Sight, changes: readonly KeyChange[]): Sight => {
  const after = { ...before };
  for (const change of changes) takeKey(after, change);
  return after;
};

/** What is seen when no key is there: a snapshot begins with it. What a key said that is never taken away still holds. */
export const withoutKeys = (before: Sight): Sight => ({
  ...before,
  leader: null,
  syncStandbys: [],
  orderedChange: null,
  members: new Map(),
  reports: new Map(),
});
