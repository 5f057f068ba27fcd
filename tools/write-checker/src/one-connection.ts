import { Connection, type ConnectionSettings } from './connection';

/** Work that runs once, before and after the writes, may take longer: a cluster may still be recovering. */
const patienceMs = 30_000;

/** Runs work on a separate connection. */
export const onOneConnection = async <T>(
  settings: ConnectionSettings,
  work: (connection: Connection) => Promise<T>,
): Promise<T> => {
  const connection = await Connection.open({ ...settings, timeoutMs: patienceMs });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
};
