import { z } from 'zod';

/** What labd answers, as far as this adapter uses it. */
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
/** The machine, as far as a fence goes: a fence holds only when labd says so. */
export const labdFenced = z.object({ fenced: z.literal(true) });
export const labdProblem = z.object({ code: z.string(), detail: z.string(), remedy: z.string().optional() });
