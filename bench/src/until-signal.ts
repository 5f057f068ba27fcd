const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a benchmark that a signal ends: its current work is aborted at once, so that the caller can clean up, and report it. A
 * second signal ends the process as usual.
 */
export async function untilSignal(run: () => Promise<void>): Promise<void> {
  let end: NodeJS.SignalsListener = () => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    end = (signal) => reject(new Error(`ended by ${signal}; what it had made is cleared away`));
  });
  for (const signal of signals) process.once(signal, end);
  try {
    await Promise.race([run(), interrupted]);
  } finally {
    for (const signal of signals) process.removeListener(signal, end);
  }
}
