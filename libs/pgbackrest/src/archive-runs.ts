import { z } from 'zod';
import type { Argv } from './commands';
import { checkStanzaName } from './stanza-name';

/** Segments of one timeline in the repository, with none missing between the first and the last. */
export interface ArchiveRun {
  first: string;
  last: string;
}

/**
 * Reads sorted names and prints one line for each run: archive id, first, last. A name that occurs twice (pushed twice with
 * different contents) counts once. A year's repository has a million names, too many to send to the caller.
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

/** Prints which WAL segments the repository has, as runs: see `parseArchiveRuns`. It lists every segment, a thousand per request. */
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
 * Parses the output of `archiveRuns`. Only the newest archive counts: a major upgrade starts another one, with its own history.
 * @throws TypeError when the output is something else
 */
export const parseArchiveRuns = (stdout: string): ArchiveRun[] => {
  const lines = z.array(Line).safeParse(stdout.split('\n').filter(Boolean));
  if (!lines.success) throw new TypeError(`not a list of WAL segments: ${z.prettifyError(lines.error)}`);
  const newest = Math.max(...lines.data.map(({ sequence }) => sequence));
  return lines.data.filter(({ sequence }) => sequence === newest).map(({ first, last }) => ({ first, last }));
};
