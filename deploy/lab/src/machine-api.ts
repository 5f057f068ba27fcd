import { z } from 'zod';

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/, 'must be 1 to 24 characters of a-z, 0-9 and inner dashes');
const sshKey = z
  .string()
  .max(1000)
  .regex(
    /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]+( [^\r\n]*)?$/,
    'must be one public SSH key',
  );
const label = z.string().max(200);

/** Name of a machine, in a path. */
export const machineName = name;

/** Body of `PUT /v1/machines/:name`. */
export const machineSpec = z.strictObject({
  role: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, 'must be 1 to 32 characters of a-z, 0-9, "_" and "-"'),
  image: z.literal('node').default('node'),
  /** Who may log in as root, in addition to the lab's own key. */
  sshKeys: z.array(sshKey).max(20),
  labels: z.record(z.string().max(63), label).default({}),
});
export const powerSwitch = z.strictObject({ state: z.enum(['on', 'off']) });
export const networkSwitch = z.strictObject({ state: z.enum(['up', 'cut']) });
export const frozenSwitch = z.strictObject({ frozen: z.boolean() });
export const fenceSwitch = z.strictObject({ fenced: z.boolean() });
export const capacityChange = z.strictObject({ machines: z.int().min(0).max(4000) });
/** `?wait=` of `GET /v1/machines/:name`: seconds to wait for a machine that is booting. */
export const waitQuery = z.strictObject({ wait: z.coerce.number().min(0).max(60).default(0) });

/** A machine as the API shows it. `running` means that sshd accepts connections. */
export const machineView = z.object({
  name: z.string(),
  role: z.string(),
  address: z.string(),
  state: z.enum(['booting', 'running', 'off', 'frozen']),
  network: z.enum(['up', 'cut']),
  /** True while the machine cannot be switched on. A lab older than fences does not report this, and fences nothing. */
  fenced: z.boolean().default(false),
  hostKey: z.string(),
  labels: z.record(z.string(), z.string()),
  /** The last console lines of a machine that went off while it was booting; null otherwise. */
  bootFailure: z.string().nullable().default(null),
  createdAt: z.string(),
});

/** The power of a machine as the kernel sees it: `off` means that none of its processes is alive. */
export const powerView = z.object({ state: z.enum(['on', 'off']), since: z.string() });
export const capacityView = z.object({ machines: z.object({ limit: z.number(), used: z.number() }) });

export type MachineSpec = z.infer<typeof machineSpec>;
export type MachineSpecInput = z.input<typeof machineSpec>;
export type MachineView = z.infer<typeof machineView>;
export type PowerView = z.infer<typeof powerView>;
export type CapacityView = z.infer<typeof capacityView>;
