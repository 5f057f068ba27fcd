import type { ProvenRestore } from '@pgfleet/contracts';
import { drillResult } from './drill-result';

it('estimates by the speed of the files, and by what the WAL took', () => {
  const newest = { restoreMs: 10_000, recoverMs: 4_000 } as ProvenRestore;
  expect(drillResult({ newest, moment: null }, { databaseBytes: 5_000_000 }, 20_000_000)).toMatchObject({
    bytes: 5_000_000,
    bytesPerSecond: 500_000,
    estimate: { databaseBytes: 20_000_000, seconds: 44 },
  });
});
