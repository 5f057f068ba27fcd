import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAborts, readReport } from './pgbench-report';

describe('the report of pgbench', () => {
  it('names the client whose backend was terminated', () => {
    const stderr = readFileSync(join(__dirname, 'captures', 'backend-terminated.stderr.txt'), 'utf8');
    expect(readAborts(stderr)).toEqual([
      {
        client: 0,
        message:
          'client 0 script 0 aborted in command 8 query 0: FATAL:  terminating connection due to administrator command',
      },
    ]);
  });

  it('is missing when pgbench did not come to run', () => {
    expect(readReport('')).toBeUndefined();
    expect(readReport('pgbench (17.12)\n')).toBeUndefined();
  });
});
