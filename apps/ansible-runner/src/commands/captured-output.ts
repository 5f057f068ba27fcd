/** The largest output that a job's result may contain. */
export const longestOutput = 16 * 1024 * 1024;

/** Collects a command's standard output byte by byte; `fault` says why it is incomplete. */
export class CapturedOutput {
  private readonly chunks: Buffer[] = [];
  private length = 0;
  private cutOff = false;

  add(chunk: Buffer): void {
    this.length += chunk.length;
    if (this.length <= longestOutput) this.chunks.push(chunk);
    else this.chunks.length = 0;
  }

  /** The stream was closed before its end. */
  interrupted(): void {
    this.cutOff = true;
  }

  get fault(): string | null {
    if (this.length > longestOutput)
      return `The command printed ${this.length} bytes; the result of a job can hold ${longestOutput}.`;
    if (this.cutOff) return 'The output of the command broke off before its end.';
    return null;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}
