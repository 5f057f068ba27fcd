import { createHash, timingSafeEqual } from 'node:crypto';

const tokenPattern = /^[A-Za-z0-9._~+/=-]{16,512}$/;
const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The tokens of the API. Keeps only their hashes, and compares them in constant time. */
export class ApiTokens {
  private constructor(private readonly digests: readonly Buffer[]) {}

  /** @param text one token per line, at least 16 characters that a bearer token may contain (RFC 6750, 2.1); `#` starts a comment */
  static parse(text: string): ApiTokens {
    const lines = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    if (lines.length === 0) throw new Error('contains no token');
    const wrong = lines.findIndex((line) => !tokenPattern.test(line));
    if (wrong >= 0) throw new Error(`token ${wrong + 1} must be 16 to 512 of A-Z a-z 0-9 . _ ~ + / = -`);
    return new ApiTokens(lines.map(digest));
  }

  /** A short name of the token for the access log; null for an unknown token. Compares all tokens, so timing reveals nothing. */
  recognize(token: string): string | null {
    const given = digest(token);
    const known = this.digests.reduce((found, own) => timingSafeEqual(own, given) || found, false);
    return known ? given.toString('hex').slice(0, 8) : null;
  }
}
