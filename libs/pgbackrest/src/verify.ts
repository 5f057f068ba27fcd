import type { Argv } from './commands';
import { checkStanzaName } from './stanza-name';

/** Reads every object of the stanza and compares it with its checksum; the configuration file says how to reach the repository. */
export const verify = (stanza: string, config: string): Argv => [
  'pgbackrest',
  `--config=${config}`,
  `--stanza=${checkStanzaName(stanza)}`,
  ...['--log-level-console=info', '--log-level-stderr=error', '--output=text', 'verify'],
];

/**
 * What `verify` found wrong, one line each; empty when everything is sound. Its exit code is 0 either way (2.55.1, measured), so
 * only its output counts; without `--verbose` it prints nothing about a sound stanza.
 * @throws TypeError when `verify` did not finish
 */
export const verifyFaults = (stdout: string): string[] => {
  if (!/verify command end: completed successfully/.test(stdout))
    throw new TypeError('pgBackRest did not come to the end of verify');
  const lines = stdout.split('\n').map((line) => line.replace(/^.*? P\d+\s+\w+: /, '').trim());
  const objects = lines.filter((line) => /^(invalid|file missing|unable|no )/i.test(line));
  if (objects.length > 0) return objects;
  // Without an object's name, the summary is all there is.
  return lines.some((line) => /^status: error/.test(line))
    ? lines.filter((line) => /status: (invalid|error)|missing:|invalid:|other:/.test(line))
    : [];
};
