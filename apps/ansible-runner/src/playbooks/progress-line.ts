import { Progress } from '@pgfleet/contracts';
import { z } from 'zod';

/** The callback plugin writes null for what it does not know. */
const Written = z
  .record(z.string(), z.unknown())
  .transform((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)))
  .pipe(Progress);

/** One line of the callback plugin's file; undefined when it is not one, as the last of a killed playbook. */
export const progressOf = (line: string): Progress | undefined => {
  try {
    return Written.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
};
