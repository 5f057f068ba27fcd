import type { BackupKind } from '@pgfleet/contracts';
import type { BackupType } from '@pgfleet/pgbackrest';

/** pgBackRest's names for the kinds of backup. */
export const pgbackrestType: Readonly<Record<BackupKind, BackupType>> = {
  full: 'full',
  differential: 'diff',
  incremental: 'incr',
};
