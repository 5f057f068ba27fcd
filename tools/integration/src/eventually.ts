import { setTimeout as pause } from 'node:timers/promises';

/** Tries `check` until it does not throw any more, and gives what it returns; after `withinMs` its last error is thrown. */
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
