import type { EntityManager } from 'typeorm';

/** Takes the lock that lets one transaction at a time follow etcd, and gives the revision up to which everything was taken in. */
export async function lockPosition(tx: EntityManager): Promise<bigint | null> {
  const [row] = await tx.query<{ revision: string | null }[]>(
    'select revision from watch_position for update',
  );
  return row?.revision == null ? null : BigInt(row.revision);
}

export async function advance(tx: EntityManager, revision: bigint): Promise<void> {
  await tx.query('update watch_position set revision = $1', [String(revision)]);
}
