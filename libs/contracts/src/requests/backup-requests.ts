import { z } from 'zod';
import { Backup, BackupPage, ListBackupsQuery } from '../api/backup';
import { BackupPolicy, BackupPolicyChange, BackupRequest } from '../api/backup-policy';
import { DrillList, DrillRequest } from '../api/drill';
import { Operation } from '../api/operation';
import { RecoveryWindow } from '../api/recovery-window';
import { CreateRestorePoint, RestorePointList } from '../api/restore-point';
import { ConvertWalQuery, WalPlace, WalState } from '../api/wal';
import { ClusterId, OperationId } from '../ids';
import { defineRequest, Idempotency } from './define-request';

const service = 'backup-service';
const byCluster = z.object({ clusterId: ClusterId });
const byLabel = byCluster.extend({ label: z.string() });
const stanza = z.object({ clusterId: ClusterId, stanza: z.string(), requestedBy: OperationId });

export const createStanza = defineRequest({
  service,
  name: 'create-stanza',
  description:
    'Starts creating the stanza and checking that archiving works. Ends with `backup.stanza.created` or `backup.stanza.failed`, correlated to `requestedBy`. A repeated request with the same `requestedBy` returns the same operation, and resumes it if it failed.',
  input: stanza,
  output: Operation,
});
export const deleteStanza = defineRequest({
  service,
  name: 'delete-stanza',
  description:
    'Starts deleting the stanza with all its backups. Ends with `backup.stanza.deleted`. Idempotent like create-stanza.',
  input: stanza,
  output: Operation,
});
export const takeFirstBackup = defineRequest({
  service,
  name: 'take-first-backup',
  description:
    'Starts the first full backup of a lineage. Nothing can be restored from the lineage without it. Ends with `backup.succeeded` or `backup.failed`. A repeated request returns the same operation, and resumes it if it failed.',
  input: z.object({ clusterId: ClusterId, stanza: z.string() }),
  output: Operation,
});
export const listBackups = defineRequest({
  service,
  name: 'list-backups',
  description:
    'Returns a page of the backups that `pgbackrest info` reports for the cluster. 404 for a cluster without a stanza.',
  input: byCluster.extend(ListBackupsQuery.shape),
  output: BackupPage,
});
export const getBackup = defineRequest({
  service,
  name: 'get-backup',
  description: 'Returns one backup. 404.',
  input: byLabel,
  output: Backup,
});
export const createBackup = defineRequest({
  service,
  name: 'create-backup',
  description:
    'Starts a backup now. 404 for a cluster without a stanza; 409 while another operation is working on its backups.',
  input: byCluster.extend({ request: BackupRequest, idempotency: Idempotency }),
  output: Operation,
});
export const deleteBackup = defineRequest({
  service,
  name: 'delete-backup',
  description:
    'Starts the deletion of a backup. 404; 409 naming the backups that depend on it, unless `cascade`; 409 for the last full backup.',
  input: byLabel.extend({ cascade: z.boolean() }),
  output: Operation,
});
export const getBackupPolicy = defineRequest({
  service,
  name: 'get-backup-policy',
  description: 'Returns when backups run and how long they are kept. 404 for a cluster without a stanza.',
  input: byCluster,
  output: BackupPolicy,
});
export const changeBackupPolicy = defineRequest({
  service,
  name: 'change-backup-policy',
  description: 'Changes the policy. 404; 422 for a schedule or time zone that is not valid.',
  input: byCluster.extend({ change: BackupPolicyChange }),
  output: BackupPolicy,
});
export const createDrill = defineRequest({
  service,
  name: 'create-drill',
  description:
    'Starts a drill. 404; 409 while another drill is running or when there is no backup to restore; 422 for a moment that cannot be restored.',
  input: byCluster.extend({ request: DrillRequest, idempotency: Idempotency }),
  output: Operation,
});
export const listDrills = defineRequest({
  service,
  name: 'list-drills',
  description: 'Lists the drills of a cluster, newest first. 404 for a cluster without a stanza.',
  input: byCluster,
  output: DrillList,
});
export const getRecoveryWindow = defineRequest({
  service,
  name: 'get-recovery-window',
  description: 'Returns the moments that the cluster can be restored to. 404 for a cluster without a stanza.',
  input: byCluster,
  output: RecoveryWindow,
});
export const createRestorePoint = defineRequest({
  service,
  name: 'create-restore-point',
  description: 'Starts the creation of a restore point. 404; 409 when the name is taken.',
  input: byCluster.extend({ restorePoint: CreateRestorePoint, idempotency: Idempotency }),
  output: Operation,
});
export const listRestorePoints = defineRequest({
  service,
  name: 'list-restore-points',
  description:
    'Lists the restore points of the current lineage, newest first. 404 for a cluster without a stanza.',
  input: byCluster,
  output: RestorePointList,
});
export const getWal = defineRequest({
  service,
  name: 'get-wal',
  description:
    'Returns what WAL every member has written and archived, with advice on settings. 404 for a cluster without a stanza.',
  input: byCluster,
  output: WalState,
});
export const convertWal = defineRequest({
  service,
  name: 'convert-wal',
  description:
    'Converts a position, a segment or a time to all three. 404; 422 for a place outside the archived history.',
  input: byCluster.extend({ place: ConvertWalQuery }),
  output: WalPlace,
});
