import type { Backup, BackupList } from '@pgfleet/contracts';
import { parseInfo, type BackupInfo } from '@pgfleet/pgbackrest';

const viewOf = (backup: BackupInfo): Backup => ({
  label: backup.label,
  type: backup.type,
  startedAt: backup.startedAt.toISOString(),
  stoppedAt: backup.stoppedAt.toISOString(),
  durationMs: backup.stoppedAt.getTime() - backup.startedAt.getTime(),
  databaseBytes: backup.databaseBytes,
  repositoryBytes: backup.repositoryBytes,
  walStart: backup.walStart,
  walStop: backup.walStop,
  lsnStart: backup.lsnStart,
  lsnStop: backup.lsnStop,
  dependsOn: backup.dependsOn,
  failed: backup.failed,
  member: backup.member,
  from: backup.from,
  insteadOfReplica: backup.insteadOfReplica,
  provenBy: null,
});

/**
 * Converts the output of `pgbackrest info` to the API's list: newest backup first.
 * @throws InfoUnreadable when the repository gave no answer
 */
export const readList = (stdout: string): BackupList => {
  const info = parseInfo(stdout);
  return {
    stanza: info.name,
    status: info.status,
    walMin: info.walMin,
    walMax: info.walMax,
    asOf: new Date().toISOString(),
    items: info.backups.map(viewOf).reverse(),
  };
};
