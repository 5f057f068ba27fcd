import type { HealthCheck } from '@pgfleet/contracts';
import type { NodeReport, PatroniCluster, PatroniStatus } from '@pgfleet/patroni';
import type { Pool } from './pool-probe';

type Verdict = Pick<HealthCheck, 'ok' | 'detail'>;

/** A few WAL segments: PostgreSQL ends itself when it cannot create the next one. */
const fullBytes = 64 * 2 ** 20;

/** Patroni answers, and PostgreSQL under it runs. */
export const judgePatroni = (status: PatroniStatus): Verdict => {
  const timeline = status.timeline === null ? '' : ` on timeline ${status.timeline}`;
  return { ok: status.state === 'running', detail: `${status.role}, ${status.state}${timeline}` };
};

/** A query got through PgBouncer, and PostgreSQL is what Patroni says that it is. Without Patroni's word any answer is good. */
export const judgeSql = (inRecovery: boolean, role: string | null): Verdict => {
  const said = inRecovery ? 'answers, in recovery' : 'answers, takes writes';
  if (role === 'leader' && inRecovery) return { ok: false, detail: `${said}, although Patroni leads` };
  if (role === 'replica' && !inRecovery) return { ok: false, detail: `${said}, although it is a replica` };
  return { ok: true, detail: said };
};

/** A client that gets a connection within this many seconds was served. */
const patienceSeconds = 5;

/**
 * Clients that wait while every server connection is in use: a pool is full. While a leader changes clients wait as well, for a server
 * that is not there; no connection is in use then.
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

/** The node's agent says how full the disk with its WAL is. Without its word nothing speaks against the disk. */
export const judgeDisk = (disk: NodeReport['disk']): Verdict => {
  if (!disk) return { ok: true, detail: 'not known' };
  const detail = `${disk.free} of ${disk.bytes} bytes of the disk with the WAL are free`;
  return disk.free < fullBytes ? { ok: false, detail: `full: ${detail}` } : { ok: true, detail };
};

/** The node says itself that it cannot serve. No lost packet explains that, so nobody waits for a second failure. */
export const isCertain = (status: Pick<PatroniStatus, 'state'> | null, disk: Pick<Verdict, 'ok'>): boolean =>
  status?.state === 'start failed' || !disk.ok;

export interface ReplicationView {
  status: PatroniStatus;
  cluster: PatroniCluster;
  /** Every node of the cluster that there is meant to be. */
  nodes: readonly string[];
  maxLagBytes: number;
}

/** A leader feeds every other node; a replica streams and is not far behind. */
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
