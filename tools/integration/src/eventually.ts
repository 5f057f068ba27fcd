import { setTimeout as pause } from 'node:timers/promises';

/** Retries `check` until it no longer throws, and returns its result; after `withinMs` it throws the last error. */
export const eventually = async <T>(check: () => T | Promise<T>, withinMs = 10_000): Promise<T> => {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(20);
    }
  }
};
