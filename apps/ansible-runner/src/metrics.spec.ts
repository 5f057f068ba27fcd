import { newId } from '@pgfleet/contracts';
import { madeAt } from './metrics';

it('reads from a job id when the job was made', () => {
  expect(Math.abs(Date.now() - madeAt(newId('job')))).toBeLessThan(1000);
});
