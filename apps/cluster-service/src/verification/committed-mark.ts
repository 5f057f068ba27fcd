import type { Client } from 'pg';

/**
 * Commits a transaction that writes only to the WAL, and returns its id. It waits for synchronous replicas as a row would. It
 * needs no table, so it works on data of any age and leaves nothing behind.
 */
export async function commitMark(client: Client): Promise<string> {
  const { rows } = await client.query<{ xid: string }>(
    `select pg_current_xact_id()::text as xid, pg_logical_emit_message(true, 'pgfleet', 'first write')`,
  );
  if (!rows[0]) throw new Error('pg_current_xact_id gave no row');
  return rows[0].xid;
}

/** Whether this server sees the transaction as committed; false while a replica has not replayed it. */
export async function hasCommitted(client: Client, xid: string): Promise<boolean> {
  const { rows } = await client.query<{ committed: boolean | null }>(
    `select case when $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot())
                 then pg_xact_status($1::text::xid8) = 'committed' end as committed`,
    [xid],
  );
  return rows[0]?.committed ?? false;
}
