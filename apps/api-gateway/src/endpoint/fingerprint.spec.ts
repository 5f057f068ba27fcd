import { fingerprint } from './fingerprint';

describe('fingerprint', () => {
  const one = fingerprint('POST', '/users', { name: 'a', labels: { x: '1', y: ['2', '3'] } });

  it('is a SHA-256 in hexadecimal', () => expect(one).toMatch(/^[0-9a-f]{64}$/));

  it('is the same whatever the order of members', () => {
    expect(fingerprint('POST', '/users', { labels: { y: ['2', '3'], x: '1' }, name: 'a' })).toBe(one);
  });

  it('is the same for no body and an empty one', () => {
    expect(fingerprint('POST', '/x', undefined)).toBe(fingerprint('POST', '/x', {}));
  });

  it.each([
    ['method', 'PUT', '/users', { name: 'a', labels: { x: '1', y: ['2', '3'] } }],
    ['path', 'POST', '/user', { name: 'a', labels: { x: '1', y: ['2', '3'] } }],
    ['order of a list', 'POST', '/users', { name: 'a', labels: { x: '1', y: ['3', '2'] } }],
    ['value', 'POST', '/users', { name: 'b', labels: { x: '1', y: ['2', '3'] } }],
    ['type', 'POST', '/users', { name: 'a', labels: { x: 1, y: ['2', '3'] } }],
    ['member', 'POST', '/users', { name: 'a', labels: { x: '1', y: ['2', '3'] }, z: null }],
  ])('is another one for another %s', (_, method, path, body) => {
    expect(fingerprint(method, path, body)).not.toBe(one);
  });
});
