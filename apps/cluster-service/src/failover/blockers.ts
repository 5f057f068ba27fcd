import type { StepData } from '@pgfleet/contracts';
import type { NodeReport } from '@pgfleet/patroni';

export type Blockers = NonNullable<NodeReport['blockers']>;

/** How many sessions a cause or a log line lists one by one. */
const listed = 5;

const ageSeconds = (since: string, now: number): number =>
  Math.max(0, Math.round((now - Date.parse(since)) / 100) / 10);

/** The blockers as the API shows them in a step. */
export const blockersData = (
  node: string,
  { sessions, total, terminated }: Blockers,
  waitsUntil: Date | null,
  now = Date.now(),
): StepData => ({
  blockers: sessions.map((session) => ({ node, ...session, ageSeconds: ageSeconds(session.since, now) })),
  blockersTotal: total,
  terminated,
  waitsUntil: waitsUntil?.toISOString() ?? null,
});

/** One line of text, e.g. `1 transaction on n1: pid 812 of app (psql), idle in transaction, open for 70 s`. */
export function describeBlockers(node: string, { sessions, total }: Blockers, now = Date.now()): string {
  const lines = sessions.slice(0, listed).map(({ pid, user, application, state, since }) => {
    const age = Math.round(ageSeconds(since, now));
    return `pid ${pid} of ${user} (${application || 'no application name'}), ${state}, open for ${age} s`;
  });
  const more = total > lines.length ? `; and ${total - lines.length} more` : '';
  return `${total} transaction${total === 1 ? '' : 's'} on ${node}: ${lines.join('; ')}${more}`;
}

/** Changes when a transaction appears or ends, not when one gets older. */
export const identityOf = ({ sessions, total }: Blockers): string =>
  `${total} ${sessions.map(({ pid, since }) => `${pid}@${since}`).join(' ')}`;
