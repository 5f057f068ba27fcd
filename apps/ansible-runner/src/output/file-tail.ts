import { watch, type FSWatcher } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

const chunkBytes = 64 * 1024;

/** Reads what is appended to a file, as it is appended. The file must exist; it may be removed while it is followed. */
export class FileTail {
  private position = 0;
  private reading: Promise<void> = Promise.resolve();
  private readonly watcher: FSWatcher;
  private ended: Promise<void> | undefined;

  private constructor(
    private readonly file: FileHandle,
    path: string,
    private readonly onData: (chunk: Buffer) => void,
  ) {
    this.watcher = watch(path, () => this.read());
    this.watcher.on('error', () => undefined);
  }

  static async follow(path: string, onData: (chunk: Buffer) => void): Promise<FileTail> {
    return new FileTail(await open(path, 'r'), path, onData);
  }

  /** Call this once the writer has ended: resolves when everything it wrote has been read. A second call does nothing. */
  end(): Promise<void> {
    return (this.ended ??= this.readRestAndClose());
  }

  private async readRestAndClose(): Promise<void> {
    this.watcher.close();
    this.read();
    await this.reading;
    await this.file.close();
  }

  private read(): void {
    this.reading = this.reading.then(() => this.readOn());
  }

  private async readOn(): Promise<void> {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await this.file.read(buffer, 0, chunkBytes, this.position);
      if (bytesRead === 0) return;
      this.position += bytesRead;
      this.onData(Buffer.from(buffer.subarray(0, bytesRead)));
    }
  }
}
