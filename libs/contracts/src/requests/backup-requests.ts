import { z } from 'zod';
import { BackupList } from '../api/backup';
import { Operation } from '../api/operation';
import { ClusterId, OperationId } from '../ids';
import { defineRequest } from './define-request';

const service = 'backup-service';
const stanza = z.object({ clusterId: ClusterId, stanza: z.string(), requestedBy: OperationId });

export const createStanza = defineRequest({
  service,
  name: 'create-stanza',
  description:
    'Starts making the stanza and proving the archive; ends with `backup.stanza.created` or `backup.stanza.failed`, correlated to `requestedBy`. Asking again for the same `requestedBy` gives the same operation, and goes on with it if it failed.',
  input: stanza,
  output: Operation,
});
export const deleteStanza = defineRequest({
  service,
  name: 'delete-stanza',
  description:
    'Starts removing the stanza with every backup; ends with `backup.stanza.deleted`. Idempotent as create-stanza is.',
  input: stanza,
  output: Operation,
});
export const listBackups = defineRequest({
  service,
  name: 'list-backups',
  description: 'What `pgbackrest info` says of the cluster. 404 for a cluster without a stanza.',
  input: z.object({ clusterId: ClusterId }),
  output: BackupList,
});
