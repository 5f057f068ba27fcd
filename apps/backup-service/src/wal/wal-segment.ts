/** One WAL file: on which timeline, and the bytes of the history that it holds, the last not included. */
export interface Segment {
  timeline: number;
  begin: number;
  end: number;
}

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');

/** The position at which a segment begins says which it is; one on a boundary is in the segment that begins there, as in PostgreSQL 17. */
export const segmentName = (timeline: number, position: number, segmentBytes: number): string => {
  const number = Math.floor(position / segmentBytes);
  const perFile = 2 ** 32 / segmentBytes;
  return hex(timeline) + hex(Math.floor(number / perFile)) + hex(number % perFile);
};

/** @throws TypeError for what is no name of a segment of that size */
export const segmentOf = (name: string, segmentBytes: number): Segment => {
  const parts = /^([0-9A-Fa-f]{8})([0-9A-Fa-f]{8})([0-9A-Fa-f]{8})$/.exec(name);
  const [timeline = NaN, file = NaN, part = NaN] = (parts ?? []).slice(1).map((text) => parseInt(text, 16));
  const perFile = 2 ** 32 / segmentBytes;
  const begin = (file * perFile + part) * segmentBytes;
  if (!(part < perFile) || timeline === 0 || !Number.isSafeInteger(begin + segmentBytes))
    throw new TypeError(`not a WAL segment of ${segmentBytes} bytes: ${JSON.stringify(name)}`);
  return { timeline, begin, end: begin + segmentBytes };
};

/** PostgreSQL's own, unless initdb was told otherwise. */
export const usualSegmentBytes = 16 * 2 ** 20;
