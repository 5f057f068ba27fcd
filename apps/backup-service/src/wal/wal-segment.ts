/** One WAL file: its timeline, and the bytes of the history that it holds, end excluded. */
export interface Segment {
  timeline: number;
  begin: number;
  end: number;
}

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');

/**
 * The position at which a segment begins identifies it. A position on a boundary belongs to the segment that begins there, as in
 * PostgreSQL 17.
 */
export const segmentName = (timeline: number, position: number, segmentBytes: number): string => {
  const number = Math.floor(position / segmentBytes);
  const perFile = 2 ** 32 / segmentBytes;
  return hex(timeline) + hex(Math.floor(number / perFile)) + hex(number % perFile);
};

/** @throws TypeError when the name is not that of a segment of this size */
export const segmentOf = (name: string, segmentBytes: number): Segment => {
  const parts = /^([0-9A-Fa-f]{8})([0-9A-Fa-f]{8})([0-9A-Fa-f]{8})$/.exec(name);
  const [timeline = NaN, file = NaN, part = NaN] = (parts ?? []).slice(1).map((text) => parseInt(text, 16));
  const perFile = 2 ** 32 / segmentBytes;
  const begin = (file * perFile + part) * segmentBytes;
  if (!(part < perFile) || timeline === 0 || !Number.isSafeInteger(begin + segmentBytes))
    throw new TypeError(`not a WAL segment of ${segmentBytes} bytes: ${JSON.stringify(name)}`);
  return { timeline, begin, end: begin + segmentBytes };
};

/** PostgreSQL's default; initdb can set another. */
export const usualSegmentBytes = 16 * 2 ** 20;
