import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { ProviderRefused } from '../provider-errors';

const inventoryMachine = z.strictObject({
  /** Your name for the machine, and the name of its claim file. */
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
      'must be 1 to 63 characters of letters, digits, ".", "_" and "-"',
    ),
  address: z.ipv4('must be an IPv4 address: host names and IPv6 are not supported'),
  /** `ssh-ed25519 <base64>`, as `ssh-keyscan -t ed25519 ADDRESS` prints it after the address. */
  hostKey: z
    .string()
    .regex(
      /^ssh-ed25519 [A-Za-z0-9+/=]+$/,
      'must be the ed25519 host key, "ssh-ed25519 <base64>", as ssh-keyscan -t ed25519 prints it after the address',
    ),
  /** The roles that the machine may have; any role if absent. */
  roles: z.array(z.string()).optional(),
});
const inventory = z.strictObject({ machines: z.array(inventoryMachine) });

export type InventoryMachine = z.infer<typeof inventoryMachine>;

/** Reads an inventory in YAML (or JSON, which is also YAML). Throws ProviderRefused with the file and the fault. */
export async function readInventory(file: string): Promise<InventoryMachine[]> {
  const result = inventory.safeParse(await contentOf(file));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ProviderRefused(`${file}: ${issue.path.join('.')} ${issue.message}`);
  }
  const { machines } = result.data;
  const twice = machines.find(
    ({ name }, index) => machines.findIndex((other) => other.name === name) !== index,
  );
  if (twice) throw new ProviderRefused(`${file}: two machines are called ${twice.name}`);
  return machines;
}

async function contentOf(file: string): Promise<unknown> {
  try {
    return parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new ProviderRefused(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
