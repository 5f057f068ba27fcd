import type { Readable } from 'node:stream';
import { LineSplitter } from './line-splitter';
import type { SecretMask } from './secret-mask';

/** Gives a stream's lines, masked, as they come, and reads on only when `room` resolves. Ends with the stream, however it ends. */
export const readLines = async (
  stream: Readable,
  mask: SecretMask,
  onLine: (line: string) => void,
  room: () => Promise<void>,
): Promise<void> => {
  const splitter = new LineSplitter(mask.apply, mask.overlap);
  try {
    for await (const chunk of stream) {
      splitter.push(chunk as Buffer).forEach(onLine);
      await room();
    }
  } catch {
    // Destroyed: what was read stands.
  }
  splitter.end().forEach(onLine);
};
