import { stdSerializers } from 'pino';

const secretName = /passw|token|secret|authorization|cookie|private.?key|cipher/i;
const maxDepth = 6;

/**
 * Copies a value for the log, and replaces every field named like a secret, at any depth. pino's own `redact` needs exact paths, so a
 * new field three levels down would slip through.
 */
export const redact = (value: unknown, depth = 0): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if (depth > maxDepth) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Date) return value.toISOString();
  const plain: object = value instanceof Error ? stdSerializers.err(value) : value;
  return Object.fromEntries(
    Object.entries(plain).map(([name, field]) => [
      name,
      secretName.test(name) && field !== undefined ? '[redacted]' : redact(field, depth + 1),
    ]),
  );
};
