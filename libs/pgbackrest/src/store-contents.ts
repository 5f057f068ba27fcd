import { archiveRuns, type ArchiveRun, parseArchiveRuns } from './archive-runs';
import { type Argv, info } from './commands';

/** Tells what `info` and `archiveRuns` tell, in one run: reaching a machine takes longer than either. See `splitStoreContents`. */
export const storeContents = (stanza: string, segmentBytes: number): Argv => [
  ...['/bin/sh', '-c', `${info(stanza).join(' ')} && echo && exec "$@"`, 'store-contents'],
  ...archiveRuns(stanza, segmentBytes),
];

/**
 * What `storeContents` printed: the line of `info`, for `parseInfo`, and the runs.
 * @throws TypeError when what follows the first line are no runs
 */
export const splitStoreContents = (stdout: string): { info: string; runs: ArchiveRun[] } => {
  const [line = '', ...rest] = stdout.split('\n');
  return { info: line, runs: parseArchiveRuns(rest.join('\n')) };
};
