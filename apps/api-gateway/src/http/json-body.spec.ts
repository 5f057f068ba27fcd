import { ProblemError } from '@pgfleet/contracts';
import type { Request, Response } from 'express';
import { bodyLimit, checkBodyHeaders, parseBody } from './json-body';

const parse = (text: string | Buffer): unknown => {
  const request = { body: Buffer.from(text as string) } as Request;
  parseBody(request, {} as Response, () => undefined);
  return request.body;
};
const refusal = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  return null;
};
const checkHeaders = (headers: Record<string, string>) =>
  refusal(() => checkBodyHeaders({ headers } as unknown as Request, {} as Response, () => undefined))
    ?.status ?? null;

describe('the body', () => {
  it('is parsed as JSON, and is undefined when it is empty', () => {
    expect(parse('{"name":"é🐘"}')).toEqual({ name: 'é🐘' });
    expect(parse('')).toBeUndefined();
    expect(parse(`${'['.repeat(32)}${']'.repeat(32)}`)).toBeDefined();
  });

  it.each([
    ['malformed JSON', '{'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
    ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`],
    ['30 000 levels', `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`],
    ['__proto__ anywhere', '{"labels":{"__proto__":"x"}}'],
    ['__proto__ in an escape', '{"\\u005f_proto__":1}'],
  ])('is refused with %s', (_, body) => expect(refusal(() => parse(body))?.status).toBe(400));

  it('is refused with the path of a field name that is not allowed', () => {
    expect(refusal(() => parse('{"a":[{"__proto__":1}]}'))?.errors).toEqual([
      { path: '/a/0/__proto__', message: 'is not allowed as a field name' },
    ]);
  });

  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('may be %s', (type) => expect(checkHeaders({ 'content-type': type, 'content-length': '2' })).toBeNull());

  it.each([
    'text/plain',
    'application/jsonx',
    'application/json; charset=utf-16',
    'application/merge-patch+json',
    '',
  ])('may not be "%s"', (type) =>
    expect(checkHeaders({ 'content-type': type, 'content-length': '2' })).toBe(415),
  );

  it('needs a type only if it is not empty, and must not exceed the limit', () => {
    expect(checkHeaders({})).toBeNull();
    expect(checkHeaders({ 'content-length': '0', 'content-type': 'text/plain' })).toBeNull();
    expect(checkHeaders({ 'transfer-encoding': 'chunked' })).toBe(415);
    const type = { 'content-type': 'application/json' };
    expect(checkHeaders({ ...type, 'content-length': String(bodyLimit) })).toBeNull();
    expect(checkHeaders({ ...type, 'content-length': String(bodyLimit + 1) })).toBe(413);
  });
});
