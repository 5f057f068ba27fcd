import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A segment in the repository: the object's size, and how long after the segment's completion it was there. */
export interface ArchivedSegment {
  name: string;
  bytes: number;
  tookMs: number;
}

const nameLength = 24;
const isSegment = (name: string): boolean => /^[0-9A-F]{24}(-|\.done$|$)/.test(name);

/**
 * What the repository has of a stanza, oldest first. PostgreSQL creates `<segment>.ready` when a segment is complete and renames
 * it to `.done`. The modification time of the latter is therefore the time of completion.
 */
export function archivedSegments(folder: string, stanza: string): ArchivedSegment[] {
  const status = join(folder, 'data/pg_wal/archive_status');
  const completed = new Map(
    readdirSync(status)
      .filter((name) => name.endsWith('.done') && isSegment(name))
      .map((name) => [name.slice(0, nameLength), statSync(join(status, name)).mtimeMs]),
  );
  const archive = join(folder, 'repo/archive', stanza, '17-1');
  return readdirSync(archive, { recursive: true, encoding: 'utf8' })
    .map((path) => ({ path: join(archive, path), object: path.split('/').at(-1) ?? '' }))
    .filter(({ object }) => isSegment(object) && object.length > nameLength)
    .map(({ path, object }) => {
      const { size, mtimeMs } = statSync(path);
      const name = object.slice(0, nameLength);
      return { name, bytes: size, tookMs: mtimeMs - (completed.get(name) ?? NaN) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
