import { z } from 'zod';

/** The fields of labd's answers that this adapter uses. */
export const labdMachine = z.object({
  name: z.string(),
  role: z.string(),
  address: z.string(),
  state: z.enum(['booting', 'running', 'off', 'frozen']),
  hostKey: z.string(),
  labels: z.record(z.string(), z.string()),
  bootFailure: z.string().nullish(),
});
export const labdMachines = z.object({ machines: z.array(labdMachine) });
export const labdCapacity = z.object({ machines: z.object({ limit: z.number(), used: z.number() }) });
export const labdPower = z.object({ state: z.enum(['on', 'off']), since: z.string() });
/** The answer to a fence request. The machine is fenced only if labd confirms it. */
export const labdFenced = z.object({ fenced: z.literal(true) });
export const labdProblem = z.object({ code: z.string(), detail: z.string(), remedy: z.string().optional() });
