import type { BadInput } from './bad-input';

const line = '\r\n';
const request = (...lines: string[]): string => [...lines, '', ''].join(line);

/** Bytes that a client library would never send. */
const texts = (token: string): Record<string, { raw: string; expect?: number[] }> => {
  const host = 'Host: pgfleet';
  const auth = `Authorization: Bearer ${token}`;
  const json = 'Content-Type: application/json';
  return {
    'a line of noise': { raw: request('hello there') },
    'a TLS greeting': { raw: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + '\x00'.repeat(64) },
    // Read as HTTP/1.0 without a token, or as nothing at all.
    'HTTP/0.9': { raw: request('GET /clusters'), expect: [400, 401] },
    'HTTP/9.9': { raw: request('GET /clusters HTTP/9.9', host, auth) },
    'HTTP/2 prior knowledge': { raw: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
    'no Host': { raw: request('GET /clusters HTTP/1.1', auth, 'Connection: close') },
    'a method that nobody knows': { raw: request('BREW /clusters HTTP/1.1', host, auth) },
    'a blank in the target': { raw: request('GET /clusters x HTTP/1.1', host, auth) },
    'a NUL in the target': { raw: request('GET /clus\0ters HTTP/1.1', host, auth) },
    'a NUL in a header': { raw: request('GET /clusters HTTP/1.1', host, auth, 'X-A: a\0b') },
    'a header without a colon': { raw: request('GET /clusters HTTP/1.1', host, auth, 'nonsense') },
    'a blank before the colon': { raw: request('GET /clusters HTTP/1.1', host, 'Content-Length : 5') },
    'a carriage return in a header': { raw: request('GET /clusters HTTP/1.1', host, 'X-A: a\rb') },
    'a control character in the key': {
      raw:
        request(
          'POST /users HTTP/1.1',
          host,
          auth,
          json,
          'Content-Length: 2',
          'Connection: close',
          'Idempotency-Key: a\x01b',
        ) + '{}',
    },
    'a length that is no number': {
      raw: request('POST /users HTTP/1.1', host, auth, json, 'Content-Length: two'),
    },
    'a negative length': { raw: request('POST /users HTTP/1.1', host, auth, json, 'Content-Length: -1') },
    'a length beyond all bounds': {
      raw: request(
        'POST /users HTTP/1.1',
        host,
        auth,
        json,
        'Connection: close',
        'Content-Length: 9007199254740991',
      ),
      expect: [400, 413],
    },
    'two lengths': {
      raw: request('POST /users HTTP/1.1', host, auth, json, 'Content-Length: 2', 'Content-Length: 3') + '{}',
    },
    'a length and chunks': {
      raw:
        request('POST /users HTTP/1.1', host, auth, json, 'Content-Length: 2', 'Transfer-Encoding: chunked') +
        '0\r\n\r\n',
    },
    'a chunk size that is none': {
      raw:
        request('POST /users HTTP/1.1', host, auth, json, 'Transfer-Encoding: chunked') +
        'zz\r\n{}\r\n0\r\n\r\n',
    },
    'a transfer encoding that nobody knows': {
      raw:
        request('POST /users HTTP/1.1', host, auth, json, 'Connection: close', 'Transfer-Encoding: cow') +
        '{}',
    },
    'headers of 20 KiB': {
      raw: request('GET /clusters HTTP/1.1', host, auth, `X-A: ${'a'.repeat(20 * 1024)}`),
      expect: [431],
    },
    'two thousand headers': {
      raw: request(
        'GET /clusters HTTP/1.1',
        host,
        auth,
        ...Array.from({ length: 2000 }, (_, at) => `X-${at}: 1234567890`),
      ),
      expect: [431],
    },
    'an expectation that nobody knows': {
      raw:
        request(
          'POST /users HTTP/1.1',
          host,
          auth,
          json,
          'Content-Length: 2',
          'Connection: close',
          'Expect: miracles',
        ) + '{}',
      expect: [417],
    },
    CONNECT: { raw: request('CONNECT example.com:443 HTTP/1.1', 'Host: example.com:443'), expect: [405] },
    'a target that is only a star': {
      raw: request('GET * HTTP/1.1', host, auth, 'Connection: close'),
      expect: [400, 404],
    },
    'a target on another machine': {
      raw: request('GET http://example.com/nothing HTTP/1.1', 'Host: example.com', auth, 'Connection: close'),
      expect: [404],
    },
    'a target with a user': {
      raw: request('GET http://a:b@example.com HTTP/1.1', 'Host: example.com', auth, 'Connection: close'),
      expect: [400, 404],
    },
  };
};

export const rawCases = (token: string): BadInput[] =>
  Object.entries(texts(token)).map(([what, { raw, expect = [400] }]) => ({
    name: `on the wire: ${what}`,
    method: '',
    path: '',
    headers: {},
    raw,
    expectStatus: expect,
  }));
