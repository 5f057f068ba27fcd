import { DatabaseError } from 'pg';

/** Connection exceptions, shutdowns and "statement completion unknown": the write may have been committed. */
const saysNothing = /^(08|57P|40003)/;

/**
 * Whether an error proves that the row was not written. Two errors prove nothing: a pooler's own, when it loses its server in the
 * middle of a statement, and the FATAL of a backend that is being terminated.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof DatabaseError && error.severity === 'ERROR' && !saysNothing.test(error.code ?? '');
