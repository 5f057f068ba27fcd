import { ProblemError } from '@pgfleet/contracts';

/** The answer; null while who was asked has something else to end for the cluster: a backup that is being cancelled, say. */
export const unlessBusy = async <Answer>(asked: Promise<Answer>): Promise<Answer | null> => {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'operation-in-progress') return null;
    throw error;
  }
};
