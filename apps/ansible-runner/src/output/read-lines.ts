import type { Readable } from 'node:stream';
import { LineSplitter } from './line-splitter';
import type { SecretMask } from './secret-mask';

/**
 * Gives a stream's lines, masked, as they come, and reads on only when `room` resolves. Ends with the stream, however it ends: false when
 * the stream was closed before its end. `onBytes` gets everything as it is.
 */
export const readLines = async (
  stream: Readable,
  mask: SecretMask,
  onLine: (line: string) => void,
  room: () => Promise<void>,
  onBytes?: (chunk: Buffer) => void,
): Promise<boolean> => {
  let whole = true;
  const splitter = new LineSplitter(mask.apply, mask.overlap);
  try {
    for await (const chunk of stream) {
      onBytes?.(chunk as Buffer);
      splitter.push(chunk as Buffer).forEach(onLine);
      await room();
    }
  } catch {
    // Destroyed: what was read stands.
    whole = false;
  }
  splitter.end().forEach(onLine);
  return whole;
};
