import { isNativeError } from 'node:util/types';

/** SQLSTATE: class 08 is a lost connection, 57P0x a server that stops, starts or ended the session, 53300 has no slot left. */
const goneStates = /^(08...|57P0[1235]|53300|25P03)$/;
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

/**
 * True when an error says that the database could not be reached or went away, so that the same work can be done again once it is
 * back; false when it answered, and the answer was no.
 */
export const isDatabaseGone = (error: unknown): boolean => {
  if (!isNativeError(error)) return false;
  const { code, driverError, cause } = error as Error & { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && (goneStates.test(code) || goneCodes.has(code))) return true;
  if (goneMessages.test(error.message)) return true;
  return [driverError, cause].some((inner) => inner !== error && isDatabaseGone(inner));
};
