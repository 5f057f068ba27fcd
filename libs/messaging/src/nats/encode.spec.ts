import { encodeMessage, maxMessageBytes } from './encode';

describe('encodeMessage', () => {
  it('counts bytes, not characters', () => {
    const fits = 'x'.repeat(maxMessageBytes - 2);
    expect(encodeMessage('jobs.x', fits)).toHaveLength(maxMessageBytes);
    expect(() => encodeMessage('jobs.x', 'ü'.repeat(maxMessageBytes - 100))).toThrow(/jobs\.x has \d+ bytes/);
  });
});
