import type { GuardedProcess } from './guarded-process';

/** Waits for the process and its output; kills it when `stop` is aborted. */
export const runToEnd = async (
  child: GuardedProcess,
  output: readonly Promise<unknown>[],
  stop: AbortSignal,
): Promise<number> => {
  const kill = () => child.kill();
  if (stop.aborted) kill();
  stop.addEventListener('abort', kill, { once: true });
  try {
    const [exitCode] = await Promise.all([child.ended, ...output]);
    return exitCode;
  } finally {
    stop.removeEventListener('abort', kill);
  }
};
