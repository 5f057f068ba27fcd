import { RecoveryEnd } from '@pgfleet/contracts';
import { StepFailure } from '@pgfleet/operations';

/** Reads where a recovery ended from the last line that the node's program printed. Another attempt would read the same. */
export const readRecoveryEnd = (output: string | null): RecoveryEnd => {
  const last = output?.trim().split('\n').at(-1) ?? '';
  try {
    return RecoveryEnd.parse(JSON.parse(last));
  } catch {
    throw new StepFailure(
      `The recovery did not say where it ended: ${JSON.stringify(last)}`,
      'Look at the output in GET /operations/:id/log, then retry the operation.',
    );
  }
};
