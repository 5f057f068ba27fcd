import { RecoveryEnd } from '@pgfleet/contracts';

/** Reads where a recovery ended: the last line of what the node's program printed. */
export const readRecoveryEnd = (output: string | null): RecoveryEnd => {
  const last = output?.trim().split('\n').at(-1) ?? '';
  try {
    return RecoveryEnd.parse(JSON.parse(last));
  } catch (error) {
    throw new Error(`the recovery did not say where it ended: ${JSON.stringify(last)}`, { cause: error });
  }
};
