import { archiveRuns, type ArchiveRun, parseArchiveRuns } from './archive-runs';
import { type Argv, fullInfo, shortInfo } from './commands';

/** No word of the first command needs quoting: the words are ours, and the stanza's name is checked. */
const script = (first: Argv): string =>
  `/usr/bin/python3 -s -c "$1" ${first.join(' ')} && echo && shift && exec "$@"`;

/** Prints what `info` and `archiveRuns` print, in one run: reaching a machine takes longer than either. See `splitStoreContents`. */
export const storeContents = (stanza: string, segmentBytes: number): Argv => [
  ...['/bin/sh', '-c', script(fullInfo(stanza)), 'store-contents', shortInfo],
  ...archiveRuns(stanza, segmentBytes),
];

/**
 * Splits the output of `storeContents`: the line of `info`, for `parseInfo`, and the runs.
 * @throws TypeError when the text after the first line is not a list of runs
 */
export const splitStoreContents = (stdout: string): { info: string; runs: ArchiveRun[] } => {
  const [line = '', ...rest] = stdout.split('\n');
  return { info: line, runs: parseArchiveRuns(rest.join('\n')) };
};
