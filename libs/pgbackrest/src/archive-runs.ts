import { z } from 'zod';
import type { Argv } from './commands';
import { checkStanzaName } from './stanza-name';

/** Segments of one timeline that the store has, without one missing between the first and the last. */
export interface ArchiveRun {
  first: string;
  last: string;
}

/**
 * Names in order in, one line for each run out: archive id, first, last. A name that comes twice (pushed twice with other contents)
 * counts once. The store of a year has a million names: they are not what is sent to whoever asked.
 */
const runs = `
function hex(text,   at, value) {
  for (at = 1; at <= length(text); at++) value = value * 16 + index("0123456789ABCDEF", substr(text, at, 1)) - 1
  return value
}
{
  parts = split($0, path, "/"); name = substr(path[parts], 1, 24)
  history = path[1] " " substr(name, 1, 8); number = hex(substr(name, 9, 8)) * per_file + hex(substr(name, 17, 8))
  if (history == before && number == last) next
  if (history != before || number != last + 1) { if (before) print id, first, previous; first = name }
  before = history; last = number; previous = name; id = path[1]
}
END { if (before) print id, first, previous }`;

const script = `
set -e
names=$(mktemp)
trap 'rm -f "$names"' EXIT
pgbackrest --log-level-console=off --log-level-stderr=error --io-timeout=10 repo-ls "archive/$1" --recurse \
  --filter='/[0-9A-F]{24}-[0-9a-f]{40}([.][a-z0-9]+)?$' >"$names"
LC_ALL=C sort "$names" | awk -v per_file="$2" "$3"`;

/** Tells which WAL segments the store has, as runs: see `parseArchiveRuns`. It lists every one, a thousand with a request. */
export const archiveRuns = (stanza: string, segmentBytes: number): Argv => [
  ...['/bin/sh', '-c', script, 'archive-runs'],
  ...[checkStanzaName(stanza), String(2 ** 32 / segmentBytes), runs],
];

const Line = z
  .string()
  .regex(/^\d+-\d+ [0-9A-F]{24} [0-9A-F]{24}$/)
  .transform((line) => {
    const [id = '', first = '', last = ''] = line.split(' ');
    return { sequence: Number(id.split('-')[1]), first, last };
  });

/**
 * What `archiveRuns` printed. Of the newest archive only: a major upgrade begins another, with a history of its own.
 * @throws TypeError when it is something else
 */
export const parseArchiveRuns = (stdout: string): ArchiveRun[] => {
  const lines = z.array(Line).safeParse(stdout.split('\n').filter(Boolean));
  if (!lines.success) throw new TypeError(`not a list of WAL segments: ${z.prettifyError(lines.error)}`);
  const newest = Math.max(...lines.data.map(({ sequence }) => sequence));
  return lines.data.filter(({ sequence }) => sequence === newest).map(({ first, last }) => ({ first, last }));
};
