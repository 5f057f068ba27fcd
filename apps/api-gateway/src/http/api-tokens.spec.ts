import { ApiTokens } from './api-tokens';

describe('ApiTokens', () => {
  const tokens = ApiTokens.parse('# ours\nfirst-0123456789abcdef\r\n\n  second-0123456789abcdef\n');

  it('recognizes each of its tokens, under names that are not the tokens', () => {
    const names = ['first', 'second'].map((name) => tokens.recognize(`${name}-0123456789abcdef`));
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{8}$/);
  });

  it.each([
    '',
    'first',
    'first-0123456789abcde',
    'first-0123456789abcdefg',
    '# ours',
    'FIRST-0123456789ABCDEF',
    'é',
  ])('does not recognize "%s"', (token) => expect(tokens.recognize(token)).toBeNull());

  it.each([
    ['', /contains no token/],
    ['\n# nothing\n', /contains no token/],
    ['too-short', /token 1 must be/],
    ['good-0123456789abcdef\nwith a blank 0123456789', /token 2 must be/],
  ])('refuses a file with %j and does not reveal a token', (text, message) => {
    expect(() => ApiTokens.parse(text)).toThrow(message);
    expect(() => ApiTokens.parse(text)).not.toThrow(/with a blank|too-short/);
  });
});
