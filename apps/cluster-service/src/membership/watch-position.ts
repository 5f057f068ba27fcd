import type { EntityManager } from 'typeorm';

/** Takes the lock that lets only one transaction at a time follow etcd. Returns the last revision that was processed. */
export async function lockPosition(tx: EntityManager): Promise<bigint | null> {
  const [row] = await tx.query<{ revision: string | null }[]>(
    'select revision from watch_position for update',
  );
  return row?.revision == null ? null : BigInt(row.revision);
}

export async function advance(tx: EntityManager, revision: bigint): Promise<void> {
  await tx.query('update watch_position set revision = $1', [String(revision)]);
}
