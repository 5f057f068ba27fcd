/** JobResult's limit on `output`. */
const limitBytes = 256 * 1024;

/** Keeps what a command printed, up to the limit; the log has all of it. */
export class CapturedOutput {
  private readonly lines: string[] = [];
  private bytes = 0;
  truncated = false;

  add(line: string): void {
    this.bytes += Buffer.byteLength(line) + 1;
    if (this.bytes > limitBytes) this.truncated = true;
    else this.lines.push(line);
  }

  get text(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }
}
