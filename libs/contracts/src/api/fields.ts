import { z } from 'zod';

/** Names end up in host names, file names and the output of many programs, so they are plain ASCII that never needs quoting. */
export const ResourceName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen',
  )
  .meta({ example: 'orders' });

export const PersonName = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,61}[A-Za-z0-9.])?$/,
    'must be 1 to 63 ASCII letters, digits, spaces, dots, hyphens and underscores, and start with a letter or digit',
  )
  .meta({ example: 'Ada Lovelace' });

/** A PostgreSQL identifier that never needs quoting. `pg_` is PostgreSQL's own prefix. */
export const SqlName = z
  .string()
  .regex(
    /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/,
    'must be a plain PostgreSQL identifier: a-z, 0-9, _, at most 63, not starting with pg_',
  );

/** PostgreSQL, pg_hba.conf, PgBouncer or the platform itself uses these names for something else than a customer's database. */
const takenDatabases = ['postgres', 'template0', 'template1', 'pgfleet', 'pgbouncer', 'replication'];
/** Keywords of pg_hba.conf. */
const hbaWords = ['all', 'sameuser', 'samegroup', 'samerole'];
const takenRoles = ['postgres', 'replicator', 'rewind', 'pgbouncer_auth', 'pgbouncer'];
/** PostgreSQL refuses these as role names, even quoted. */
const reservedRoles = ['public', 'none'];

export const DatabaseName = SqlName.refine(
  (name) => ![...takenDatabases, ...hbaWords].includes(name),
  'has a meaning of its own to PostgreSQL, PgBouncer or the platform: choose another name',
);

export const RoleName = SqlName.refine(
  (name) => !reservedRoles.includes(name) && !hbaWords.includes(name),
  'is a reserved word of PostgreSQL: choose another name',
).refine(
  (name) => !takenRoles.includes(name) && !/^pgfleet(_|$)/.test(name),
  'is taken by the platform: choose another name',
);

export const Labels = z
  .record(
    z
      .string()
      .regex(
        /^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/,
        'label names are 1 to 63 of a-z, 0-9, ".", "_", "/", "-"',
      ),
    z
      .string()
      .regex(
        /^[A-Za-z0-9 ._/:@+-]{0,63}$/,
        'label values are at most 63 of A-Z, a-z, 0-9, space and ._/:@+-',
      ),
  )
  .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels')
  .meta({ example: { team: 'payments' } });

export const Description = z
  .string()
  .max(500)
  .regex(/^\P{C}*$/u, 'must not contain control characters')
  .meta({ example: 'Orders of the shop' });

export const Instant = z.iso.datetime().meta({ example: '2026-11-23T12:00:00.000Z' });

/** Fields of responses and events, each with an example for the generated documents. */
export const NodeName = z
  .string()
  .meta({ description: 'name of a node and of its machine', example: '3b9f6c1e0a55-1' });
/** A member in a path: its cluster's digits and its number. */
export const MemberName = NodeName.regex(
  /^[0-9a-f]{12}-[1-9]\d{0,3}$/,
  'must be the name of a member, as GET /clusters/:clusterId shows it',
);
export const StepName = z
  .string()
  .meta({ description: 'name of a step of the operation', example: 'configure' });
export const OperationKind = z
  .string()
  .meta({ description: 'what the operation does', example: 'cluster.create' });
export const Stanza = z
  .string()
  .meta({ description: "pgBackRest's name for the cluster", example: 'orders-3b9f6c1e0a55' });
export const Cause = z
  .string()
  .meta({ description: 'what happened', example: 'The machine 3b9f6c1e0a55-1 does not respond.' });
export const Remedy = z
  .string()
  .meta({ description: 'what to do about it', example: 'Check its console, then retry.' });
export const Reason = z
  .string()
  .meta({ description: 'why, in words', example: 'The replica 3b9f6c1e0a55-2 left.' });
export const BackupLabel = z
  .string()
  .regex(/^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$/, 'must be the label of a backup, such as 20261123-120000F')
  .meta({ example: '20261123-120000F' });
export const WalName = z.string().meta({ description: 'a WAL segment', example: '000000010000000000000003' });
export const Lsn = z.string().meta({ description: 'a position in the WAL', example: '0/3000028' });
