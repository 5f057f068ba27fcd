import { invalidInput } from '@pgfleet/contracts';
import type { Request, RequestHandler } from 'express';
import { bodyTooLarge, wrongContentType } from './http-problems';

export const bodyLimit = 64 * 1024;
const maxDepth = 32;
const json = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/i;

/** Refuses a body by its headers, before the body is read. */
export const checkBodyHeaders: RequestHandler = (request, _response, next) => {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > bodyLimit) throw tooLarge();
  const type = request.headers['content-type'];
  if (length > 0 || request.headers['transfer-encoding'] !== undefined) {
    if (!json.test(type ?? '')) {
      throw wrongContentType(
        type ? `The Content-Type of the body is ${type.slice(0, 100)}` : 'The body has no Content-Type',
        {
          remedy: 'Send JSON in UTF-8, with `Content-Type: application/json`.',
        },
      );
    }
  }
  next();
};

export const tooLarge = () => bodyTooLarge(`The body is larger than ${bodyLimit} bytes`);

/** Parses the bytes of the body as JSON. An empty body becomes undefined. */
export const parseBody: RequestHandler = (request, _response, next) => {
  const bytes = (request as Request<unknown, unknown, unknown>).body;
  request.body = Buffer.isBuffer(bytes) && bytes.length > 0 ? parseJson(bytes) : undefined;
  next();
};

const parseJson = (bytes: Buffer): unknown => {
  const value = decode(bytes);
  checkShape(value, '', 0);
  return value;
};

const decode = (bytes: Buffer): unknown => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidInput('The body is not valid UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidInput('The body is not valid JSON', {
      errors: [{ path: '', message: (error as Error).message.slice(0, 200) }],
    });
  }
};

/**
 * Schemas may leave part of a value open, and other code walks the value recursively. A value that is too deep would exhaust the
 * stack, and copying a key `__proto__` would change a prototype.
 */
const checkShape = (value: unknown, path: string, depth: number): void => {
  if (value === null || typeof value !== 'object') return;
  if (depth === maxDepth) throw invalidInput(`The body is nested deeper than ${maxDepth} levels`);
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') {
      throw invalidInput('The body has a field that is not allowed', {
        errors: [{ path: `${path}/__proto__`, message: 'is not allowed as a field name' }],
      });
    }
    checkShape(member, `${path}/${key.slice(0, 64)}`, depth + 1);
  }
};
