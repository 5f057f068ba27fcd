import { faultCases, programSteps, repository, sampleOf } from '@pgfleet/platform';
import { FaultMatrix } from './fault-matrix';
import { testPlatform } from './platform';

/** `npm test -- faults/matrix-sample --seed N` runs other cases. */
const seed = Number(process.env.PGFLEET_FAULTS_SEED ?? 1);
const count = Number(process.env.PGFLEET_FAULTS_SAMPLE ?? 20);

describe(`a sample of the fault matrix, seed ${seed}`, () => {
  let matrix: FaultMatrix;
  beforeAll(async () => (matrix = await FaultMatrix.start(await testPlatform())), 600_000);
  afterAll(() => matrix?.stop());

  it.each(sampleOf(faultCases(programSteps(repository)), seed, count))('$id', async (fault) => {
    const began = Date.now();
    const came = await matrix.run(fault);
    process.stderr.write(`${fault.id}: ${came}, in ${Date.now() - began} ms\n`);
  });
});
