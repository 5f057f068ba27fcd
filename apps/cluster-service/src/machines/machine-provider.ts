import { InventoryProvider, LabProvider, type MachineProvider } from '@pgfleet/machines';
import { Outside } from '@pgfleet/observability';
import type { Config } from '../config';

/** Creates the configured provider. */
export function machineProvider(config: Config): MachineProvider {
  const outside = new Outside('machine-provider', { timeoutMs: 90_000 });
  if (config.PGFLEET_MACHINE_PROVIDER === 'inventory') {
    if (!config.PGFLEET_MACHINE_INVENTORY_FILE)
      throw new Error('PGFLEET_MACHINE_INVENTORY_FILE: is needed with PGFLEET_MACHINE_PROVIDER=inventory');
    return new InventoryProvider({ file: config.PGFLEET_MACHINE_INVENTORY_FILE, outside });
  }
  const { PGFLEET_LAB_URL: url, PGFLEET_LAB_TOKEN_FILE: token } = config;
  if (!url || !token)
    throw new Error('PGFLEET_LAB_URL, PGFLEET_LAB_TOKEN_FILE: are needed with PGFLEET_MACHINE_PROVIDER=lab');
  return new LabProvider({ url, token, outside });
}
