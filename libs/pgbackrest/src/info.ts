import { z } from 'zod';

const Lsn = z.string().regex(/^[0-9A-F]+\/[0-9A-F]+$/);
const WalSegment = z.string().regex(/^[0-9A-F]{24}$/);
const seconds = z.int().transform((epoch) => new Date(epoch * 1000));

/**
 * The parts of `pgbackrest info --output=json` that we read; other fields pass through. pgBackRest promises that the format is
 * stable.
 * @see https://pgbackrest.org/command.html#command-info
 */
const BackupAnswer = z
  .object({
    label: z.string(),
    type: z.enum(['full', 'diff', 'incr']),
    timestamp: z.object({ start: seconds, stop: seconds }),
    archive: z.object({ start: WalSegment.nullish(), stop: WalSegment.nullish() }).nullish(),
    lsn: z.object({ start: Lsn.nullish(), stop: Lsn.nullish() }).nullish(),
    info: z.object({
      size: z.int(),
      delta: z.int(),
      repository: z.object({ delta: z.int(), size: z.int().optional() }),
    }),
    prior: z.string().nullish(),
    error: z.boolean().nullish(),
    annotation: z
      .object({
        member: z.string(),
        from: z.enum(['replica', 'leader']),
        insteadOfReplica: z.string(),
      })
      .partial()
      .nullish(),
  })
  .transform((backup) => ({
    label: backup.label,
    type: backup.type,
    startedAt: backup.timestamp.start,
    stoppedAt: backup.timestamp.stop,
    /** Bytes of the whole database, and of what this backup had to copy. */
    databaseBytes: backup.info.size,
    copiedBytes: backup.info.delta,
    /** Bytes that this backup alone takes in the repository, compressed. */
    repositoryBytes: backup.info.repository.delta,
    walStart: backup.archive?.start ?? null,
    walStop: backup.archive?.stop ?? null,
    lsnStart: backup.lsn?.start ?? null,
    lsnStop: backup.lsn?.stop ?? null,
    /**
     * Label of the backup that this one builds on, if any. This backup cannot be restored without that one and its own
     * predecessors, and pgBackRest removes it with each of them. `reference` would list all of them: five megabytes in a
     * repository of 600 backups.
     */
    dependsOn: backup.prior ? [backup.prior] : [],
    /** pgBackRest met damaged pages while it copied. */
    failed: backup.error ?? false,
    /** Which member created it, see `BackupOrigin`; null for backups older than this annotation. */
    member: backup.annotation?.member ?? null,
    from: backup.annotation?.from ?? null,
    insteadOfReplica: backup.annotation?.insteadOfReplica ?? null,
  }));
export type BackupInfo = z.output<typeof BackupAnswer>;

const StanzaAnswer = z.object({
  name: z.string(),
  status: z.object({
    code: z.int(),
    message: z.string(),
    lock: z.object({ backup: z.object({ held: z.boolean() }) }).optional(),
  }),
  repo: z.array(z.object({ status: z.object({ code: z.int(), message: z.string() }) }).loose()).default([]),
  archive: z.array(
    z.object({ id: z.string(), min: WalSegment.nullable(), max: WalSegment.nullable() }).loose(),
  ),
  backup: z.array(BackupAnswer),
});

/** pgBackRest's codes: 0 ok, 1 no stanza path, 2 no backup yet, 3 no stanza data, 99 the repository could not be read … */
const unreadable = 99;

/** What the repository holds of one stanza; backups oldest first. */
export interface StanzaInfo {
  name: string;
  /** pgBackRest's own words, e.g. `ok`, `no valid backups`, `missing stanza path`. */
  status: string;
  exists: boolean;
  /** A backup is running on the machine that was asked. */
  backupRunning: boolean;
  /** Oldest and newest segment of the newest archive (a major upgrade starts another one). */
  walMin: string | null;
  walMax: string | null;
  backups: BackupInfo[];
}

/** The repository gave no answer: the next attempt may succeed. */
export class InfoUnreadable extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'InfoUnreadable';
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TypeError('pgbackrest info did not print JSON', { cause: error });
  }
};

/**
 * Parses what `info` printed for one stanza. pgBackRest exits with 0 even when it could not reach the repository.
 * @throws InfoUnreadable with pgBackRest's reason, TypeError when it is not pgBackRest's JSON
 */
export function parseInfo(stdout: string): StanzaInfo {
  const parsed = z.array(StanzaAnswer).length(1).safeParse(parseJson(stdout));
  if (!parsed.success)
    throw new TypeError(`pgbackrest info printed something else: ${z.prettifyError(parsed.error)}`);
  const { name, status, repo, archive, backup } = parsed.data[0]!;
  if (status.code === unreadable)
    throw new InfoUnreadable(repo[0]?.status.message.split('\n')[0] ?? status.message);
  const newest = archive.at(-1);
  return {
    name,
    status: status.message,
    exists: status.code !== 1 && status.code !== 3,
    backupRunning: status.lock?.backup.held ?? false,
    walMin: newest?.min ?? null,
    walMax: newest?.max ?? null,
    backups: backup,
  };
}

/** The label of the backup that a run of `backup` created, from its output; null when the output names none. */
export const labelOf = (stdout: string): string | null =>
  /INFO: new backup label = (\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?)\s*$/m.exec(stdout)?.[1] ?? null;
