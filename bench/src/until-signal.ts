const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a benchmark that a signal ends: what it is doing is given up at once, so that its caller clears away what was made, and says so.
 * A second signal ends the process as ever.
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
