import { z } from 'zod';
import { Backup, backupLabel, BackupPage, ListBackupsQuery } from '../api/backup';
import { BackupPolicy, BackupPolicyChange, BackupRequest, DeleteBackupQuery } from '../api/backup-policy';
import { DrillList, DrillRequest } from '../api/drill';
import { Operation } from '../api/operation';
import { RecoveryWindow } from '../api/recovery-window';
import { CreateRestorePoint, RestorePointList } from '../api/restore-point';
import { ConvertWalQuery, WalPlace, WalState } from '../api/wal';
import { ClusterId } from '../ids';
import { defineEndpoint } from './define-endpoint';

const tag = 'Backups';
const params = z.strictObject({ clusterId: ClusterId });
const backupParams = params.extend({
  label: z
    .string()
    .regex(backupLabel, 'must be the label of a backup, as GET /clusters/:clusterId/backups shows them')
    .meta({ example: '20261123-120000F' }),
});
const missing = 'There is no such cluster, or nothing was archived of it yet.';
const working = 'Another operation works on the backups of the cluster; the problem names it.';
const unread = 'The store cannot be read now, and was not read before.';
const accepted = (description: string) =>
  ({ status: 202, description, schema: Operation, location: '/operations/{id}' }) as const;

export const getClusterBackups = defineEndpoint({
  id: 'listBackups',
  method: 'GET',
  path: '/clusters/{clusterId}/backups',
  tag,
  summary: 'List backups',
  description:
    'What `pgbackrest info` says of the cluster: its backups, newest first, page by page, and the WAL that is archived. Pass `next` of a page as ' +
    '`before` to get the one after it.',
  params,
  query: ListBackupsQuery,
  answer: { status: 200, description: 'A page of backups.', schema: BackupPage },
  refusals: { 404: missing, 503: unread },
});

export const postBackup = defineEndpoint({
  id: 'createBackup',
  method: 'POST',
  path: '/clusters/{clusterId}/backups',
  tag,
  summary: 'Make a backup now',
  description:
    'From a replica or the leader, as the policy says. What fails on a replica is made on the leader, and again on another should the lead ' +
    'move before it has ended; the backup says who made it. Of a differential or incremental one pgBackRest makes a full one when there is ' +
    'none to build on.',
  params,
  body: BackupRequest,
  answer: accepted('The backup has begun.'),
  refusals: { 404: missing, 409: working },
});

export const getClusterBackup = defineEndpoint({
  id: 'getBackup',
  method: 'GET',
  path: '/clusters/{clusterId}/backups/{label}',
  tag,
  summary: 'Get a backup',
  description: 'Its WAL positions and times, sizes, duration, what it depends on and what proved it.',
  params: backupParams,
  answer: { status: 200, description: 'The backup.', schema: Backup },
  refusals: { 404: 'There is no such cluster or no such backup.', 503: unread },
});

export const removeBackup = defineEndpoint({
  id: 'deleteBackup',
  method: 'DELETE',
  path: '/clusters/{clusterId}/backups/{label}',
  tag,
  summary: 'Delete a backup',
  description:
    'Removes a backup from the store, and the WAL that only it needed. One that others need is deleted with them, by `cascade=true`, or not at all.',
  params: backupParams,
  query: DeleteBackupQuery,
  answer: accepted('The deletion has begun.'),
  refusals: {
    404: 'There is no such cluster or no such backup.',
    409: `Others need it, the problem names them; or it is the last full backup. Or: ${working}`,
    503: unread,
  },
});

export const getPolicy = defineEndpoint({
  id: 'getBackupPolicy',
  method: 'GET',
  path: '/clusters/{clusterId}/backup-policy',
  tag,
  summary: 'Get the backup policy',
  description:
    'When and on which member backups are made, how long they are kept, and when restoring them is tried. A new cluster gets a full one every week, a ' +
    'differential one every day, an incremental one every hour, all from replicas, and keeps two full ones and fourteen days; a drill every Saturday.',
  params,
  answer: { status: 200, description: 'The policy.', schema: BackupPolicy },
  refusals: { 404: missing },
});

export const putPolicy = defineEndpoint({
  id: 'changeBackupPolicy',
  method: 'PUT',
  path: '/clusters/{clusterId}/backup-policy',
  tag,
  summary: 'Change the backup policy',
  description:
    'Changes the fields that are given and leaves the others; a schedule that is `null` is none. A shorter retention takes effect after the next backup; `leftDays` at once, also of a cluster that is deleted.',
  params,
  body: BackupPolicyChange,
  answer: { status: 200, description: 'The policy as it is now.', schema: BackupPolicy },
  refusals: { 404: missing, 422: 'A schedule or the time zone means nothing; the problem says which.' },
});

export const postDrill = defineEndpoint({
  id: 'createDrill',
  method: 'POST',
  path: '/clusters/{clusterId}/drills',
  tag,
  summary: 'Prove that the cluster can be restored',
  description:
    'Restores on a machine that is ordered for it and goes away afterwards: from the newest backup to the present, and to a moment of the ' +
    'window at random. Every object in the store is verified, every page, index and table of what was restored is read, and rows that ' +
    'were written just before and just after the targets are there, or not. The cluster serves on, and may be changed meanwhile.',
  params,
  body: DrillRequest,
  answer: accepted('The drill has begun.'),
  refusals: {
    404: missing,
    409: 'A drill of the cluster runs, the problem names it; or there is no backup to restore yet.',
    422: 'The moment cannot be reached; the problem says the nearest that can.',
    503: unread,
  },
});

export const getDrills = defineEndpoint({
  id: 'listDrills',
  method: 'GET',
  path: '/clusters/{clusterId}/drills',
  tag,
  summary: 'List drills',
  description:
    'What each has proven, how long a restore took, and how long one would take of the cluster as it was.',
  params,
  answer: { status: 200, description: 'The drills, newest first.', schema: DrillList },
  refusals: { 404: missing },
});

export const getWindow = defineEndpoint({
  id: 'getRecoveryWindow',
  method: 'GET',
  path: '/clusters/{clusterId}/recovery-window',
  tag,
  summary: 'Get the recovery window',
  description:
    'The earliest and the latest moment that the cluster can be restored to, and the gaps between them. `latest` is the last commit ' +
    'that the store has, or the present when nothing was written since; while archiving works it is never older than a minute.',
  params,
  answer: { status: 200, description: 'The window.', schema: RecoveryWindow },
  refusals: { 404: missing, 503: unread },
});

export const postRestorePoint = defineEndpoint({
  id: 'createRestorePoint',
  method: 'POST',
  path: '/clusters/{clusterId}/restore-points',
  tag,
  summary: 'Name this moment',
  description:
    "Writes a named restore point into the leader's WAL. It can be restored to once its segment is archived.",
  params,
  body: CreateRestorePoint,
  answer: accepted('It is being made.'),
  refusals: { 404: missing, 409: `The name is taken. Or: ${working}` },
});

export const getRestorePoints = defineEndpoint({
  id: 'listRestorePoints',
  method: 'GET',
  path: '/clusters/{clusterId}/restore-points',
  tag,
  summary: 'List restore points',
  description: 'Those of the lineage that the cluster writes, newest first.',
  params,
  answer: { status: 200, description: 'The restore points.', schema: RestorePointList },
  refusals: { 404: missing },
});

export const getClusterWal = defineEndpoint({
  id: 'getWal',
  method: 'GET',
  path: '/clusters/{clusterId}/wal',
  tag,
  summary: 'Get the state of the WAL',
  description:
    'What every member has written and archived, how fast WAL is written, how full its disk is, and what should be set otherwise and why.',
  params,
  answer: { status: 200, description: 'The WAL.', schema: WalState },
  refusals: { 404: missing },
});

export const getWalPlace = defineEndpoint({
  id: 'convertWal',
  method: 'GET',
  path: '/clusters/{clusterId}/wal/convert',
  tag,
  summary: 'Convert position, segment and time',
  description: 'Takes one of `lsn`, `segment` and `time` and gives the same place in all three ways.',
  params,
  query: ConvertWalQuery,
  answer: { status: 200, description: 'The place.', schema: WalPlace },
  refusals: { 404: missing, 422: 'It is not in the history that the store has; the problem says what is.' },
});
