import { constants } from 'node:os';

const names = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** How a process ended, for a person. A shell returns 128 + n for signal n. */
export const exitWords = (exitCode: number): string => {
  const signal = names.get(exitCode - 128);
  return signal ? `was killed by ${signal}` : `ended with exit code ${exitCode}`;
};
