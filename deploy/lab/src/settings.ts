import { join } from 'node:path';
import { z } from 'zod';
import { Subnet } from './subnet';

/** Where a lab's state is stored unless its settings say otherwise. */
export const DEFAULT_STATE_ROOT = '/var/lib/pgfleet';

const environment = z.object({
  PGFLEET_LAB: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,7}$/, 'must be 1 to 8 characters of a-z and 0-9, a letter first')
    .default('pgfleet'),
  PGFLEET_SUBNET: z.string().default('10.77.0.0/24'),
  PGFLEET_STATE: z.string().startsWith('/', 'must be an absolute path').optional(),
  PGFLEET_CACHE: z.string().startsWith('/', 'must be an absolute path').default('/var/cache/pgfleet'),
});

/** One lab: its name, its subnet and where its files are. Two labs with different names and subnets run side by side. */
export interface LabSettings {
  /** At most 8 characters: it starts the names of the lab's network interfaces, which the kernel limits to 15. */
  readonly lab: string;
  readonly subnet: Subnet;
  /** Machines, console logs, socket, token and keys of this lab. */
  readonly stateDir: string;
  /** What is slow to build and shared by all labs: images. */
  readonly cacheDir: string;
}

/** Reads the lab's settings from the environment; throws an Error that names the invalid variable. */
export function labSettings(env: NodeJS.ProcessEnv = process.env): LabSettings {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    throw new Error(
      parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '),
    );
  }
  const values = parsed.data;
  return {
    lab: values.PGFLEET_LAB,
    subnet: subnetOf(values.PGFLEET_SUBNET),
    stateDir: values.PGFLEET_STATE ?? join(DEFAULT_STATE_ROOT, values.PGFLEET_LAB),
    cacheDir: values.PGFLEET_CACHE,
  };
}

/** The same settings as environment variables, for a process that we start. */
export function settingsEnvironment(settings: LabSettings): Record<string, string> {
  return {
    PGFLEET_LAB: settings.lab,
    PGFLEET_SUBNET: settings.subnet.toString(),
    PGFLEET_STATE: settings.stateDir,
    PGFLEET_CACHE: settings.cacheDir,
  };
}

function subnetOf(text: string): Subnet {
  try {
    return Subnet.parse(text);
  } catch (error) {
    throw new Error(`PGFLEET_SUBNET ${(error as Error).message}`);
  }
}
