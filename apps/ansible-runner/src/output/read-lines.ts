import type { Readable } from 'node:stream';
import { LineSplitter } from './line-splitter';
import type { SecretMask } from './secret-mask';

/**
 * Passes on a stream's lines, masked, as they arrive; reads on only once `room` resolves. Ends with the stream, however the
 * stream ends: returns false when it was closed before its end. `onBytes` gets everything unchanged.
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
    // Destroyed: the lines read so far remain valid.
    whole = false;
  }
  splitter.end().forEach(onLine);
  return whole;
};
