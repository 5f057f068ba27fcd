import { z } from 'zod';
import { Stanza, Cause, Remedy } from '../api/fields';
import { Backup } from '../api/backup';
import { defineEvent } from '../define-event';
import { ClusterId } from '../ids';

const stanza = z.object({ clusterId: ClusterId, stanza: Stanza });

export const stanzaCreated = defineEvent({
  name: 'backup.stanza.created',
  version: 1,
  description: 'The stanza exists, and a WAL segment was archived and found in the store.',
  data: stanza,
});
export const stanzaFailed = defineEvent({
  name: 'backup.stanza.failed',
  version: 1,
  description: 'The stanza could not be made, archiving to it was not proven, or it could not be removed.',
  data: stanza.extend({ cause: Cause, remedy: Remedy }),
});
export const stanzaDeleted = defineEvent({
  name: 'backup.stanza.deleted',
  version: 1,
  description: 'The stanza and every backup in it are gone from the store.',
  data: stanza,
});
export const backupSucceeded = defineEvent({
  name: 'backup.succeeded',
  version: 1,
  description: 'A backup ended and stands in the store.',
  data: stanza.extend({ backup: Backup }),
});
export const backupFailed = defineEvent({
  name: 'backup.failed',
  version: 1,
  description: 'A backup did not end well; the store keeps what it had before.',
  data: stanza.extend({ type: z.enum(['full', 'diff', 'incr']), cause: Cause }),
});
