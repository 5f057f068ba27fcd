import { z } from 'zod';
import { Instant } from './fields';

/** One backup, from `pgbackrest info`. Sizes are bytes; `repositoryBytes` is what it takes in the store, compressed. */
export const Backup = z
  .object({
    label: z.string().meta({ example: '20261123-120000F' }),
    type: z.enum(['full', 'diff', 'incr']),
    startedAt: Instant,
    stoppedAt: Instant,
    databaseBytes: z.int(),
    repositoryBytes: z.int(),
    walStart: z.string().nullable(),
    walStop: z.string().nullable(),
    lsnStart: z.string().nullable(),
    lsnStop: z.string().nullable(),
    dependsOn: z.array(z.string()),
    failed: z.boolean().meta({ description: 'pgBackRest found an error in it' }),
  })
  .meta({ id: 'Backup' });
export type Backup = z.infer<typeof Backup>;

export const BackupList = z
  .object({
    stanza: z.string(),
    status: z.string().meta({ description: "pgBackRest's own word on the stanza", example: 'ok' }),
    walMin: z.string().nullable(),
    walMax: z.string().nullable(),
    asOf: Instant.meta({
      description: 'when pgBackRest said so; older than some seconds when the store cannot be read now',
    }),
    items: z.array(Backup).meta({ description: 'newest first' }),
  })
  .meta({ id: 'BackupList' });
export type BackupList = z.infer<typeof BackupList>;
