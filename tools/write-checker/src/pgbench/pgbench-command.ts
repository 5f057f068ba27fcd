import type { PgbenchOptions, PgbenchTarget } from './pgbench-options';

const debianProgram = '/usr/lib/postgresql/17/bin/pgbench';

/** Separates the report from the transactions in a run's output. */
export const logMark = '--- transactions';

/** pgbench writes its log to files where it runs; this prints them after the report and removes them. */
const showLog = `
  folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
  patience=$1 program=$2; shift 2
  timeout "$patience" "$program" --log --log-prefix="$folder/log" "$@"; code=$?
  echo '${logMark}'; cat "$folder"/log.* 2>/dev/null
  exit $code`;

/** The command that creates pgbench's tables. */
export const tablesCommand = (target: PgbenchTarget, scale: number): string[] => [
  target.program ?? debianProgram,
  '--initialize',
  '--quiet',
  `--scale=${scale}`,
  connection(target),
];

/** The command that runs a benchmark: prints its report, then its log of transactions. */
export const benchmarkCommand = (options: PgbenchOptions): string[] => [
  'sh',
  '-c',
  showLog,
  'sh',
  String(patience(options)),
  options.program ?? debianProgram,
  // The tables are vacuumed when they are created; on a replica they cannot be.
  '--no-vacuum',
  // Every error counts, even one that a second attempt would hide.
  '--max-tries=1',
  `--builtin=${options.builtin ?? 'tpcb-like'}`,
  `--protocol=${options.mode}`,
  `--client=${options.clients}`,
  amount(options),
  connection(options),
];

/** After how many seconds a run is killed. */
export const patience = ({ withinSeconds, seconds }: PgbenchOptions): number =>
  withinSeconds ?? (seconds ?? 300) + 60;

const amount = ({ seconds, transactions }: PgbenchOptions): string => {
  if ((seconds === undefined) === (transactions === undefined))
    throw new Error('pgbench runs for seconds or for a number of transactions: name one');
  return seconds === undefined ? `--transactions=${transactions}` : `--time=${seconds}`;
};

/** A connection string in place of a database's name; it never contains the password. */
const connection = ({ host, port, database, user, parameters = {} }: PgbenchTarget): string =>
  Object.entries({ ...parameters, host, port, dbname: database, user })
    .map(([name, value]) => `${name}='${String(value).replaceAll(/[\\']/g, '\\$&')}'`)
    .join(' ');
