import type { Argv } from '@pgfleet/pgbackrest';
import { z } from 'zod';
import { bytesOf } from '../wal/wal-position';
import type { Moment } from '../window/recovery-span';

/** Fails on a replica. The name needs no quoting: RestorePointName guarantees that. */
export const makeRestorePoint = (name: string): Argv => [
  ...['psql', '-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', '-c'],
  `WITH made AS MATERIALIZED (SELECT pg_create_restore_point('${name}') AS lsn)
   SELECT json_build_object('lsn', lsn, 'segment', pg_walfile_name(lsn),
     'time', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) FROM made`,
];

const Made = z.object({
  lsn: z.string(),
  segment: z.string().regex(/^[0-9A-F]{24}$/),
  time: z.int(),
});

/** @throws when the output is something else */
export const readRestorePoint = (stdout: string): Moment => {
  const { lsn, segment, time } = Made.parse(JSON.parse(stdout));
  return { timeline: parseInt(segment.slice(0, 8), 16), position: bytesOf(lsn), time };
};
