/** No key is unique, so that a row that was written twice shows as two. */
export const makeTable = [
  'DROP TABLE IF EXISTS write_check',
  'CREATE TABLE write_check (client int, row int, server text, timeline text, at timestamptz DEFAULT clock_timestamp())',
];

/**
 * One statement, so that the row and the data about it come from the same transaction. Each node listens only on its own address,
 * which identifies the node even behind a load balancer. A server in recovery refuses the statement.
 */
export const insertRow = `
  INSERT INTO write_check (client, row, server, timeline)
  VALUES ($1, $2, current_setting('listen_addresses'), substring(pg_walfile_name(pg_current_wal_lsn()) from 1 for 8))
  RETURNING server, timeline`;

export const readRows = 'SELECT client, row, server, timeline FROM write_check ORDER BY client, row';
