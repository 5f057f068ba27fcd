import { Progress } from '@pgfleet/contracts';
import { z } from 'zod';

/** The callback plugin writes null for values that it does not know. */
const Written = z
  .record(z.string(), z.unknown())
  .transform((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)))
  .pipe(Progress);

/** Parses one line of the callback plugin's file; undefined when it is not one, like the last line of a killed playbook. */
export const progressOf = (line: string): Progress | undefined => {
  try {
    return Written.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
};
