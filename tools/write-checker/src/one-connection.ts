import { Connection, type ConnectionSettings } from './connection';

/** What is done once, before and after the writes, may take its time: a cluster may still be busy with its recovery. */
const patienceMs = 30_000;

/** Does something on a connection of its own. */
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
