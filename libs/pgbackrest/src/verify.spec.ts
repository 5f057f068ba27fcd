import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { verify, verifyFaults } from './verify';

/** Printed by pgBackRest 2.55.1; its exit code was 0 each time. */
const captured = (name: string) => readFileSync(join(__dirname, 'captured', name), 'utf8');

describe('verifyFaults', () => {
  it('finds nothing wrong with a stanza that is sound', () => {
    expect(verifyFaults(captured('verify-sound.txt'))).toEqual([]);
  });

  it('names the file of a backup that is damaged', () => {
    expect(verifyFaults(captured('verify-damaged-file.txt'))).toEqual([
      "invalid checksum '20261124-172905F/bundle/1'",
    ]);
  });

  it('names the segment that is damaged', () => {
    expect(verifyFaults(captured('verify-damaged-segment.txt'))).toEqual([
      expect.stringMatching(
        /^invalid result 17-1\/0000000100000000\/000000010000000000000004-.*zst: \[29\].*zst error/,
      ),
    ]);
  });

  it('does not take a run that broke off for a sound stanza', () => {
    expect(() => verifyFaults('INFO: verify command begin 2.55.1')).toThrow(TypeError);
  });
});

describe('verify', () => {
  it('reads the configuration that it is given', () => {
    expect(verify('lin_1', '/etc/pgfleet/restore.conf')).toEqual([
      ...['pgbackrest', '--config=/etc/pgfleet/restore.conf', '--stanza=lin_1'],
      ...['--log-level-console=info', '--log-level-stderr=error', '--output=text', 'verify'],
    ]);
  });
});
