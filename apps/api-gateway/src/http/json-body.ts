import { invalidInput } from '@pgfleet/contracts';
import type { Request, RequestHandler } from 'express';
import { bodyTooLarge, wrongContentType } from './http-problems';

export const bodyLimit = 64 * 1024;
const maxDepth = 32;
const json = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/i;

/** Refuses a body that needs not be read to know that it is not wanted. Runs before the body is read. */
export const checkBodyHeaders: RequestHandler = (request, _response, next) => {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > bodyLimit) throw tooLarge();
  const type = request.headers['content-type'];
  if (length > 0 || request.headers['transfer-encoding'] !== undefined) {
    if (!json.test(type ?? '')) {
      throw wrongContentType(type ? `The body is ${type.slice(0, 100)}` : 'The body has no Content-Type', {
        remedy: 'Send JSON in UTF-8, with `Content-Type: application/json`.',
      });
    }
  }
  next();
};

export const tooLarge = () => bodyTooLarge(`A body has at most ${bodyLimit} bytes`);

/** Turns the bytes of the body into a JSON value; an empty body is undefined. */
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
 * A schema may leave part of a value open, and what goes on from here is walked recursively by others: too deep a value would
 * exhaust their stack, and a key `__proto__` is a trap for whoever copies it.
 */
const checkShape = (value: unknown, path: string, depth: number): void => {
  if (value === null || typeof value !== 'object') return;
  if (depth === maxDepth) throw invalidInput(`The body is nested deeper than ${maxDepth} levels`);
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') {
      throw invalidInput('The body has a member that is not allowed', {
        errors: [{ path: `${path}/__proto__`, message: 'is not a name that a member can have' }],
      });
    }
    checkShape(member, `${path}/${key.slice(0, 64)}`, depth + 1);
  }
};
