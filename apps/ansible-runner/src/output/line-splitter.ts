import { StringDecoder } from 'node:string_decoder';

/** Longer lines are split into pieces. */
export const maxLineLength = 16 * 1024;

const terminalCodes = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

/**
 * Turns the bytes of a stream into clean lines: UTF-8 across chunks, no terminal codes, secrets masked. A line that is too long
 * is cut, but never within a secret: the last `overlap` characters wait for the text that follows.
 */
export class LineSplitter {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  constructor(
    private readonly mask: (text: string) => string,
    private readonly overlap: number,
  ) {}

  push(chunk: Buffer): string[] {
    const pieces = (this.rest + this.decoder.write(chunk)).split('\n');
    const open = pieces.pop() ?? '';
    const lines = pieces.flatMap((line) => this.cut(this.clean(line), 0));
    if (open.length <= maxLineLength + this.overlap) {
      this.rest = open;
      return lines;
    }
    const cut = this.cut(this.mask(open), this.overlap);
    this.rest = cut.pop() ?? '';
    return [...lines, ...cut];
  }

  /** The text after the last line end. */
  end(): string[] {
    const open = this.rest + this.decoder.end();
    this.rest = '';
    return open === '' ? [] : this.cut(this.clean(open), 0);
  }

  private clean(line: string): string {
    return this.mask(line.replace(/\r$/, '')).replace(terminalCodes, '');
  }

  /**
   * Cuts a line into pieces of at most `maxLineLength`. With `keep`, the last piece holds at least that many characters, and the
   * next text continues it.
   */
  private cut(line: string, keep: number): string[] {
    const pieces: string[] = [];
    let from = 0;
    while (line.length - from > maxLineLength + keep) {
      pieces.push(line.slice(from, from + maxLineLength));
      from += maxLineLength;
    }
    return [...pieces, line.slice(from)];
  }
}
