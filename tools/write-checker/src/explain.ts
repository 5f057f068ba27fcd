import type { Verdict } from './check-writes';

const shown = 3;

/** A verdict in short lines for people: first the summary, then each kind of fault with examples. */
export const explain = (verdict: Verdict): string[] => [
  `${verdict.ok ? 'the cluster kept its word' : 'the cluster broke its word'}: ` +
    `${verdict.acknowledged} writes acknowledged, ${verdict.unknown} unknown, ${verdict.refused} refused`,
  ...line('acknowledged but lost', verdict.lost, (lost) => `${numbered(lost)} ${accepted(lost)}`),
  ...line('there more than once', verdict.duplicated, (each) => `${numbered(each)} ${each.times} times`),
  ...line(
    'not to be there',
    verdict.strangers,
    (each) => `${numbered(each)} ${accepted(each)} (${each.why})`,
  ),
  ...line(
    'two leaders on one timeline',
    verdict.doubleLeaders,
    ({ timeline, servers }) => `${timeline} of ${servers.join(' and ')}`,
  ),
  ...line(
    'accepted by a leader that had been replaced',
    verdict.staleLeaders,
    ({ stale, newer }) =>
      `${numbered(stale)} ${accepted(stale)}, sent ${stale.sentAt - newer.at} ms after the first acknowledgement ${accepted(newer)}`,
  ),
];

const line = <T>(what: string, found: readonly T[], describe: (each: T) => string): string[] => {
  if (found.length === 0) return [];
  const more = found.length > shown ? [`${found.length - shown} more`] : [];
  return [`${what}: ${found.length}: ${[...found.slice(0, shown).map(describe), ...more].join('; ')}`];
};

const numbered = ({ client, row }: { client: number; row: number }): string => `client ${client} row ${row}`;

const accepted = ({ server, timeline }: { server: string; timeline: string }): string =>
  `by ${server} on timeline ${timeline}`;
