import { instantOf, microsecondsOf } from './instant';

describe('instants', () => {
  it.each([
    ['2026-11-23T12:00:00Z', '2026-11-23T12:00:00.000Z'],
    ['2026-11-23T12:00Z', '2026-11-23T12:00:00.000Z'],
    ['2026-11-23T17:30+05:30', '2026-11-23T12:00:00.000Z'],
    ['2026-11-23T12:00:00.5Z', '2026-11-23T12:00:00.500Z'],
    ['2026-11-23T12:00:00.123456Z', '2026-11-23T12:00:00.123456Z'],
    ['2026-11-23T12:00:00.1234569Z', '2026-11-23T12:00:00.123456Z'],
    ['2026-11-23T14:00:00.000001+02:00', '2026-11-23T12:00:00.000001Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
  ])('%s is %s', (text, same) => {
    expect(instantOf(microsecondsOf(text))).toBe(same);
  });

  it('are told apart by a microsecond', () => {
    const [a, b] = ['2026-11-23T12:00:00.123456Z', '2026-11-23T12:00:00.123457Z'].map(microsecondsOf);
    expect(b! - a!).toBe(1);
  });

  it('are nothing else', () => {
    for (const text of ['', 'now', '2026-11-23', '2026-13-23T12:00:00Z'])
      expect(() => microsecondsOf(text)).toThrow(TypeError);
  });
});
