import { isNativeError } from 'node:util/types';
import { isFromOutside } from '@pgfleet/observability';

/**
 * SQLSTATE: class 08 is a lost connection, but 08P01 is PgBouncer's answer to a login that it refuses; 57P0x a server that stops,
 * starts or ended the session, 53300 has no slot left.
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
/** node-postgres has no code for these. */
const goneMessages =
  /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout|Client was closed|not queryable|was already released|Query runner already released/;

/** True when an error says that a server could not be reached or went away; false when it answered, and the answer was no. */
export const isConnectionLost = (error: unknown): boolean => isLost(error, () => true);

/**
 * True when an error says that the service's own database could not be reached or went away, so that the same work can be done again
 * once it is back. Errors of calls to other systems never do, whatever they are: a customer's cluster that refuses a password has
 * SQLSTATEs of its own, and etcd refuses connections as a database does.
 */
export const isDatabaseGone = (error: unknown): boolean => isLost(error, (inner) => !isFromOutside(inner));

const isLost = (error: unknown, counts: (error: Error) => boolean): boolean => {
  if (!isNativeError(error) || !counts(error)) return false;
  const { code, driverError, cause } = error as Error & { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && (goneStates.test(code) || goneCodes.has(code))) return true;
  if (goneMessages.test(error.message)) return true;
  return [driverError, cause].some((inner) => inner !== error && isLost(inner, counts));
};
