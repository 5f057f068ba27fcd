import { ProblemError } from '@pgfleet/contracts';

/**
 * Returns the answer; null while the other service is busy with another operation on the cluster, such as cancelling a backup.
 */
export const unlessBusy = async <Answer>(asked: Promise<Answer>): Promise<Answer | null> => {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'operation-in-progress') return null;
    throw error;
  }
};
