/** RFC 3339 requires seconds; the ISO 8601 profile that inputs are validated against does not. */
const pattern = /^(.*T\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,}))?(Z|[+-]\d{2}:?\d{2})$/;

/** An instant in microseconds, as exact as PostgreSQL's clock: a `Date` would cut off digits that decide whether a commit came before it. */
export const microsecondsOf = (instant: string): number => {
  const [, second, fraction = '', zone] = pattern.exec(instant) ?? [];
  const milliseconds = Date.parse(`${second}${zone}`);
  if (Number.isNaN(milliseconds)) throw new TypeError(`not an instant: ${JSON.stringify(instant)}`);
  return milliseconds * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
};

/** The reverse: with milliseconds, and microseconds where there are any. */
export const instantOf = (microseconds: number): string => {
  const milliseconds = Math.floor(microseconds / 1000);
  const rest = microseconds - milliseconds * 1000;
  const text = new Date(milliseconds).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
};
