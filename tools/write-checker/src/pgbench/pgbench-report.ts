/** What pgbench reports at its end. */
export interface PgbenchReport {
  readonly transactions: number;
  readonly failed: number;
}

/** Reads the report; undefined when there is none because pgbench never ran. */
export const readReport = (stdout: string): PgbenchReport | undefined => {
  const transactions = /^number of transactions actually processed: (\d+)/m.exec(stdout)?.[1];
  const failed = /^number of failed transactions: (\d+)/m.exec(stdout)?.[1];
  if (transactions === undefined || failed === undefined) return undefined;
  return { transactions: Number(transactions), failed: Number(failed) };
};

/** "client 1 aborted in command 9 (SQL) of script 0; ...", or "client 0 script 0 aborted in command 5 query 0: ERROR: ..." */
const abort = /^pgbench: error: (client (\d+) (?:script \d+ )?aborted .*)$/gm;

/** The clients that pgbench aborted, with its messages. */
export const readAborts = (stderr: string): { client: number; message: string }[] =>
  [...stderr.matchAll(abort)].map(([, message = '', client]) => ({ client: Number(client), message }));
