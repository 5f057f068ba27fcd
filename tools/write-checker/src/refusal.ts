import { DatabaseError } from 'pg';

/** Connection exceptions, shutdowns and "statement completion unknown": what was sent may have been committed. */
const saysNothing = /^(08|57P|40003)/;

/**
 * Whether an error proves that the write was not made. A pooler answers with an error of its own when it loses its server in the
 * middle of a statement, and a backend that is being ended with FATAL: neither proves anything.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof DatabaseError && error.severity === 'ERROR' && !saysNothing.test(error.code ?? '');
