export type { Acknowledged, Attempt, Refused, Unknown, WrittenRow } from './attempt';
export { checkWrites, type Verdict, type WriteCheck } from './check-writes';
export { explain } from './explain';
export type { Gap } from './gaps';
export type { WriteError } from './journal';
export type { DoubleLeader, StaleLeader } from './leaders';
export type {
  PgbenchOptions,
  PgbenchResult,
  PgbenchTarget,
  Ran,
  RunProgram,
} from './pgbench/pgbench-options';
export { runHere } from './pgbench/run-here';
export { runOverSsh } from './pgbench/run-over-ssh';
export { makePgbenchTables, runPgbench } from './pgbench/run-pgbench';
export type { Duplicate, Stranger } from './unexpected-rows';
export { WriteClients, type WriteClientsOptions } from './write-clients';
