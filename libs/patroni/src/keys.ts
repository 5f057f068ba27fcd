import { z } from 'zod';
import { NodeReport } from './node-report';
import { readHistory, type EndedTimeline } from './timeline-history';

/** Patroni keeps every cluster under this prefix: `/service/<scope>/…`. It is Patroni's default namespace. */
export const namespace = '/service/';

/**
 * The holder of the leader lock while a cluster is stopped for a restore. No member has this name, so no Patroni elects itself.
 * The nodes take the lock (role postgres_node, files/restore/lead_lock.py).
 */
export const nobody = 'pgfleet:standstill';

/**
 * What a member reports in `/service/<scope>/members/<name>`, renewed every `loop_wait`.
 * @see https://patroni.readthedocs.io/en/latest/dcs_failsafe_mode.html and patroni/ha.py, touch_member
 */
const MemberValue = z
  .object({
    conn_url: z.string().optional(),
    api_url: z.string().optional(),
    state: z.string().default('unknown'),
    role: z.string().optional(),
    xlog_location: z.number().optional(),
    replication_state: z.string().optional(),
    timeline: z.int().optional(),
  })
  .loose();

export interface PatroniMember {
  /** As `patronictl list` shows it: a streaming replica is `streaming`, not merely `running`. */
  state: string;
  /** The role in which Patroni runs its PostgreSQL: leader, replica, demoted, promoted …; null if it does not report one. */
  role: string | null;
  timeline: number | null;
  /** WAL position in bytes since the beginning of the history; null while PostgreSQL does not run. */
  walPosition: number | null;
}

/**
 * A change of the leader that somebody asked Patroni for. Without `leader` it is a failover: the current leader is not asked to
 * hand over.
 */
export interface OrderedChange {
  leader: string | null;
  candidate: string | null;
  /** ISO; null for at once. */
  scheduledAt: string | null;
}

/** Patroni's replication settings (`config`, the dynamic configuration). */
export interface SynchronousConfiguration {
  synchronousMode: 'off' | 'on' | 'quorum';
  strict: boolean;
}

/** One key of a cluster, parsed. Keys that nothing here reads (`failsafe` …) become `other`. */
export type ServiceKey =
  | { kind: 'leader'; holder: string }
  | { kind: 'member'; name: string; member: PatroniMember }
  | { kind: 'status'; leaderPosition: number | null }
  | { kind: 'sync'; standbys: string[] }
  /** Patroni leaves `{}` when no change is requested any more; both are null then. */
  | ({ kind: 'failover' } & OrderedChange)
  | { kind: 'history'; entries: EndedTimeline[] }
  | { kind: 'config'; config: SynchronousConfiguration }
  | { kind: 'node'; name: string; node: NodeReport }
  | { kind: 'other' };

export interface KeyChange {
  scope: string;
  /** Path under the scope, e.g. `members/n1`. */
  path: string;
  /** null if the key is gone. */
  value: ServiceKey | null;
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const parseMember = (text: string): PatroniMember => {
  const member = MemberValue.safeParse(parseJson(text));
  if (!member.success) return { state: 'unknown', role: null, timeline: null, walPosition: null };
  const { state, role, replication_state: replication, timeline, xlog_location: position } = member.data;
  return {
    state: state === 'running' && replication ? replication : state,
    role: role === 'primary' || role === 'master' ? 'leader' : (role ?? null),
    timeline: timeline ?? null,
    walPosition: position ?? null,
  };
};

const FailoverValue = z.object({
  leader: z.string().nullish(),
  member: z.string().nullish(),
  scheduled_at: z.string().nullish(),
});

const parseFailover = (text: string): OrderedChange => {
  const { leader, member, scheduled_at: at } = FailoverValue.safeParse(parseJson(text)).data ?? {};
  const scheduledAt = at && !Number.isNaN(Date.parse(at)) ? new Date(at).toISOString() : null;
  return { leader: leader || null, candidate: member || null, scheduledAt };
};

const ConfigurationValue = z
  .object({
    synchronous_mode: z.union([z.boolean(), z.string()]).default(false).catch(false),
    synchronous_mode_strict: z.union([z.boolean(), z.string()]).default(false).catch(false),
  })
  .loose();

/** Patroni also accepts a boolean as text: on, true, yes, 1. */
const isOn = (value: boolean | string): boolean =>
  typeof value === 'string' ? /^(on|true|yes|1)$/i.test(value) : value;

const parseConfiguration = (text: string): SynchronousConfiguration => {
  const { synchronous_mode: mode, synchronous_mode_strict: strict } = ConfigurationValue.parse(
    ConfigurationValue.safeParse(parseJson(text)).data ?? {},
  );
  if (typeof mode === 'string' && mode.toLowerCase() === 'quorum')
    return { synchronousMode: 'quorum', strict: isOn(strict) };
  return { synchronousMode: isOn(mode) ? 'on' : 'off', strict: isOn(strict) };
};

/** Where the nodes' agents keep their own keys, under the cluster's scope. */
const nodes = 'pgfleet/nodes/';

const parseValue = (path: string, text: string): ServiceKey => {
  if (path.startsWith('members/')) return { kind: 'member', name: path.slice(8), member: parseMember(text) };
  if (path.startsWith(nodes)) {
    const node = NodeReport.parse(NodeReport.safeParse(parseJson(text)).data ?? {});
    return { kind: 'node', name: path.slice(nodes.length), node };
  }
  switch (path) {
    case 'leader':
      return text === nobody ? { kind: 'other' } : { kind: 'leader', holder: text };
    case 'status': {
      const status = z.object({ optime: z.coerce.number() }).loose().safeParse(parseJson(text));
      return { kind: 'status', leaderPosition: status.success ? status.data.optime : null };
    }
    case 'sync': {
      const sync = z.object({ sync_standby: z.string().nullish() }).loose().safeParse(parseJson(text));
      const standbys = sync.success ? (sync.data.sync_standby ?? '') : '';
      return { kind: 'sync', standbys: standbys.split(',').filter(Boolean) };
    }
    case 'failover':
      return { kind: 'failover', ...parseFailover(text) };
    case 'config':
      return { kind: 'config', config: parseConfiguration(text) };
    case 'history':
      return { kind: 'history', entries: readHistory(parseJson(text)) };
    default:
      return { kind: 'other' };
  }
};

/**
 * Parses one key-value of etcd; returns null if the key does not belong to a cluster. A `value` of null means that the key was
 * deleted.
 */
export function parseKey(key: string, value: string | null): KeyChange | null {
  const match = /^\/service\/([^/]+)\/(.+)$/.exec(key);
  if (!match) return null;
  const [, scope = '', path = ''] = match;
  return { scope, path, value: value === null ? null : parseValue(path, value) };
}
