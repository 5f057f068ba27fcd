/** `0/3000028` → byte 50331688 of the history. A history is shorter than 2^53 bytes: that is 285 years at 1 MB/ms. */
export const bytesOf = (lsn: string): number => {
  const [high = '', low = ''] = lsn.split('/');
  const position = parseInt(high, 16) * 2 ** 32 + parseInt(low, 16);
  if (!Number.isSafeInteger(position)) throw new TypeError(`not a WAL position: ${JSON.stringify(lsn)}`);
  return position;
};

/**
 * Parses a customer's position, which may be any number. One too large to count becomes the largest position, which is after
 * everything ever written.
 */
export const askedPosition = (lsn: string): number => {
  const [high = '', low = ''] = lsn.split('/');
  return Math.min(parseInt(high, 16) * 2 ** 32 + parseInt(low, 16), Number.MAX_SAFE_INTEGER);
};

/** Byte 50331688 → `0/3000028`, as PostgreSQL writes it. */
export const lsnOf = (position: number): string =>
  [Math.floor(position / 2 ** 32), position % 2 ** 32]
    .map((half) => half.toString(16).toUpperCase())
    .join('/');
