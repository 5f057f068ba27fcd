export type {
  Machine,
  MachineCapacity,
  MachinePower,
  MachineProvider,
  MachineSpec,
} from './machine-provider';
export { NoCapacity, NotOff, ProviderRefused, ProviderUnavailable, SpecConflict } from './provider-errors';
export { timeLimited, type OutsideCalls } from './outside-call';
export { LabProvider, type LabProviderOptions } from './lab/lab-provider';
export { sshGreets } from './inventory/ssh-greeting';
export { InventoryProvider, type InventoryProviderOptions } from './inventory/inventory-provider';
