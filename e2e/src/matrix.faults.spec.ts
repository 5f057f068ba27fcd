import { faultCases, programSteps, repository, shardOf } from '@pgfleet/platform';
import { FaultMatrix } from './fault-matrix';
import { testPlatform } from './platform';

/** `npm test -- faults --shard i/n`; the whole matrix takes hours. */
const shard = process.env.PGFLEET_FAULTS_SHARD;

(shard ? describe : describe.skip)('the fault matrix', () => {
  let matrix: FaultMatrix;
  beforeAll(async () => (matrix = await FaultMatrix.start(await testPlatform())), 600_000);
  afterAll(() => matrix?.stop());

  it.each(shardOf(faultCases(programSteps(repository)), shard ?? '1/1'))(
    '$id',
    async (fault) => {
      process.stderr.write(`${fault.id}: ${await matrix.run(fault)}\n`);
    },
    15 * 60_000,
  );
});
