import { isNativeError } from 'node:util/types';
import { isFromOutside } from '@pgfleet/observability';

/**
 * SQLSTATEs: class 08 is a lost connection, except 08P01, with which PgBouncer refuses a login. 57P0x: the server stops, starts, or has
 * terminated the session. 53300: no connection slot is left.
 */
const goneStates = /^(08(?!P01)...|57P0[1235]|53300|25P03)$/;
const goneCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** Errors of node-postgres that have no code. */
const goneMessages =
  /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout|Client was closed|not queryable|was already released|Query runner already released/;

/** True if a server could not be reached or went away. False if it answered with a refusal. */
export const isConnectionLost = (error: unknown): boolean => isLost(error, () => true);

/**
 * True if the service's own database could not be reached or went away. The same work can then be retried once it is back. Errors from
 * calls to other systems never count: a customer's cluster has SQLSTATEs of its own, and etcd refuses connections like a database.
 */
export const isDatabaseGone = (error: unknown): boolean => isLost(error, (inner) => !isFromOutside(inner));

const isLost = (error: unknown, counts: (error: Error) => boolean): boolean => {
  if (!isNativeError(error) || !counts(error)) return false;
  const { code, driverError, cause } = error as Error & { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && (goneStates.test(code) || goneCodes.has(code))) return true;
  if (goneMessages.test(error.message)) return true;
  return [driverError, cause].some((inner) => inner !== error && isLost(inner, counts));
};
