import { v7 } from 'uuid';
import { z } from 'zod';

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';

/** Prefix of an id, by aggregate: `clu_0197…` is a cluster. The rest is a UUIDv7, so ids sort by creation time. */
export type IdPrefix = 'usr' | 'clu' | 'op' | 'job' | 'lin' | 'bak' | 'evt';

/** A new id, e.g. `newId('clu')` → `clu_01979a3c-…`. */
export const newId = (prefix: IdPrefix): string => `${prefix}_${v7()}`;

const idSchema = (prefix: IdPrefix, what: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_${uuid}$`), `must be a ${what} id: ${prefix}_ and a UUIDv7`)
    .meta({ description: `${what} id`, example: `${prefix}_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55` });

export const UserId = idSchema('usr', 'user');
export const ClusterId = idSchema('clu', 'cluster');
export const OperationId = idSchema('op', 'operation');
export const JobId = idSchema('job', 'job');
/** A lineage has the same name as its stanza in pgBackRest. */
export const LineageId = idSchema('lin', 'lineage');
