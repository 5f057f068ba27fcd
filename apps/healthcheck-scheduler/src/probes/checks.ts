import type { HealthCheck } from '@pgfleet/contracts';
import type { NodeReport, PatroniCluster, PatroniStatus } from '@pgfleet/patroni';
import type { Pool } from './pool-probe';

type Verdict = Pick<HealthCheck, 'ok' | 'detail'>;

/** A few WAL segments. PostgreSQL stops when it cannot create the next segment. */
const fullBytes = 64 * 2 ** 20;

/** Passes if Patroni answers and its PostgreSQL is running. */
export const judgePatroni = (status: PatroniStatus): Verdict => {
  const timeline = status.timeline === null ? '' : ` on timeline ${status.timeline}`;
  return { ok: status.state === 'running', detail: `${status.role}, ${status.state}${timeline}` };
};

/** Passes if a query got through PgBouncer and PostgreSQL has the role that Patroni reports. Without a report, any answer passes. */
export const judgeSql = (inRecovery: boolean, role: string | null): Verdict => {
  const said = inRecovery ? 'answers, in recovery' : 'answers, takes writes';
  if (role === 'leader' && inRecovery) return { ok: false, detail: `${said}, although Patroni leads` };
  if (role === 'replica' && !inRecovery) return { ok: false, detail: `${said}, although it is a replica` };
  return { ok: true, detail: said };
};

/** Clients that wait less than this for a connection do not count as waiting. */
const patienceSeconds = 5;

/**
 * Fails if clients wait while every server connection is in use: the pool is full. Clients also wait for a server during a change of the
 * leader, but then no connection is in use.
 */
export const judgePools = (pools: readonly Pool[]): Verdict => {
  const full = pools.filter(
    ({ waiting, longestWait, active, idle }) =>
      waiting > 0 && longestWait >= patienceSeconds && active > 0 && idle === 0,
  );
  if (full.length > 0)
    return {
      ok: false,
      detail: full
        .map(
          ({ user, database, waiting, longestWait, active }) =>
            `${waiting === 1 ? `1 client of ${user} waits` : `${waiting} clients of ${user} wait`} for a connection to ${database}, the longest for ${Math.round(longestWait)} s: all ${active} are in use`,
        )
        .join('; '),
    };
  const active = pools.reduce((sum, pool) => sum + pool.active, 0);
  return { ok: true, detail: `${active} connections in use` };
};

/** Judges the disk with the WAL by the report of the node's agent. Passes without a report. */
export const judgeDisk = (disk: NodeReport['disk']): Verdict => {
  if (!disk) return { ok: true, detail: 'not known' };
  const detail = `${disk.free} of ${disk.bytes} bytes of the disk with the WAL are free`;
  return disk.free < fullBytes ? { ok: false, detail: `full: ${detail}` } : { ok: true, detail };
};

/** True if the node itself reports that it cannot serve. A lost packet cannot explain that, so one failed probe is enough. */
export const isCertain = (status: Pick<PatroniStatus, 'state'> | null, disk: Pick<Verdict, 'ok'>): boolean =>
  status?.state === 'start failed' || !disk.ok;

export interface ReplicationView {
  status: PatroniStatus;
  cluster: PatroniCluster;
  /** All nodes that the cluster should have. */
  nodes: readonly string[];
  maxLagBytes: number;
}

/** A leader passes if every other node streams from it. A replica passes if it streams with little lag. */
export const judgeReplication = ({ status, cluster, nodes, maxLagBytes }: ReplicationView): Verdict => {
  if (status.role === 'leader') {
    const others = nodes.filter((name) => name !== status.name);
    const streaming = others.filter((name) =>
      status.feeds.some((replica) => replica.name === name && replica.state === 'streaming'),
    );
    const missing = others.filter((name) => !streaming.includes(name));
    const detail = `${streaming.length} of ${others.length} replicas stream`;
    return missing.length === 0
      ? { ok: true, detail }
      : { ok: false, detail: `${detail}, not ${missing.join(', ')}` };
  }
  if (status.replicationState !== 'streaming')
    return { ok: false, detail: status.replicationState ?? 'does not stream from a leader' };
  const lag = cluster.members.find(({ name }) => name === status.name)?.lagBytes ?? null;
  if (lag === null) return { ok: true, detail: 'streaming' };
  return { ok: lag <= maxLagBytes, detail: `streaming, ${lag} bytes behind` };
};
