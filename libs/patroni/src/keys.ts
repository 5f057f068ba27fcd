import { z } from 'zod';

/** Under this prefix Patroni keeps every cluster: `/service/<scope>/…`. It is Patroni's own default namespace. */
export const namespace = '/service/';

/**
 * What a member tells of itself in `/service/<scope>/members/<name>`, renewed every `loop_wait`.
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
  /** As `patronictl list` shows it: a replica that streams is `streaming`, not merely `running`. */
  state: string;
  timeline: number | null;
  /** WAL position, bytes since the beginning of the history; null while PostgreSQL does not run. */
  walPosition: number | null;
}

/** One key of a cluster, parsed. Keys that nobody here reads (`config`, `failsafe`, `failover` …) come as `other`. */
export type ServiceKey =
  | { kind: 'leader'; holder: string }
  | { kind: 'member'; name: string; member: PatroniMember }
  | { kind: 'status'; leaderPosition: number | null }
  | { kind: 'sync'; standbys: string[] }
  | { kind: 'other' };

export interface KeyChange {
  scope: string;
  /** Path under the scope, e.g. `members/n1`. */
  path: string;
  /** null: the key is gone. */
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
  if (!member.success) return { state: 'unknown', timeline: null, walPosition: null };
  const { state, replication_state: replication, timeline, xlog_location: position } = member.data;
  return {
    state: state === 'running' && replication ? replication : state,
    timeline: timeline ?? null,
    walPosition: position ?? null,
  };
};

const parseValue = (path: string, text: string): ServiceKey => {
  if (path.startsWith('members/')) return { kind: 'member', name: path.slice(8), member: parseMember(text) };
  switch (path) {
    case 'leader':
      return { kind: 'leader', holder: text };
    case 'status': {
      const status = z.object({ optime: z.coerce.number() }).loose().safeParse(parseJson(text));
      return { kind: 'status', leaderPosition: status.success ? status.data.optime : null };
    }
    case 'sync': {
      const sync = z.object({ sync_standby: z.string().nullish() }).loose().safeParse(parseJson(text));
      const standbys = sync.success ? (sync.data.sync_standby ?? '') : '';
      return { kind: 'sync', standbys: standbys.split(',').filter(Boolean) };
    }
    default:
      return { kind: 'other' };
  }
};

/** Parses one key-value of etcd; null when the key is not of a cluster. `value` null means that the key was deleted. */
export function parseKey(key: string, value: string | null): KeyChange | null {
  const match = /^\/service\/([^/]+)\/(.+)$/.exec(key);
  if (!match) return null;
  const [, scope = '', path = ''] = match;
  return { scope, path, value: value === null ? null : parseValue(path, value) };
}
