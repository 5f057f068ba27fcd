import type { Acknowledged, WrittenRow } from './attempt';

/** A timeline that more than one server has written to. */
export interface DoubleLeader {
  readonly timeline: string;
  readonly servers: readonly string[];
}

/** A write that was accepted on an older timeline although it was sent after a newer timeline was known to have a leader. */
export interface StaleLeader {
  readonly stale: Acknowledged;
  /** The first acknowledgement on the newer timeline. */
  readonly newer: Acknowledged;
}

/** A promotion begins a timeline, so each timeline only ever has one leader; two servers on one timeline are two leaders. */
export const doubleLeaders = (
  written: Iterable<Pick<WrittenRow, 'server' | 'timeline'>>,
): readonly DoubleLeader[] => {
  const servers = new Map<string, Set<string>>();
  for (const { server, timeline } of written) {
    if (!servers.has(timeline)) servers.set(timeline, new Set());
    servers.get(timeline)?.add(server);
  }
  return [...servers]
    .filter(([, names]) => names.size > 1)
    .map(([timeline, names]) => ({ timeline, servers: [...names].sort() }))
    .sort((a, b) => order(a.timeline, b.timeline));
};

/**
 * Writes that prove two leaders at once. Both times are the clients': one was noted before the write was sent, the other after
 * the acknowledgement arrived, so the order is certain.
 */
export const staleLeaders = (acknowledged: readonly Acknowledged[]): StaleLeader[] => {
  const first = new Map<string, Acknowledged>();
  for (const each of acknowledged) {
    const known = first.get(each.timeline);
    if (!known || each.at < known.at) first.set(each.timeline, each);
  }
  return acknowledged.flatMap((stale) => {
    const [newer] = [...first.values()]
      .filter(({ timeline, at }) => order(timeline, stale.timeline) > 0 && at < stale.sentAt)
      .sort((a, b) => a.at - b.at);
    return newer ? [{ stale, newer }] : [];
  });
};

const order = (a: string, b: string): number => parseInt(a, 16) - parseInt(b, 16);
