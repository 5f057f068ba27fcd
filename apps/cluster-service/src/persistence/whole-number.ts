/** For bigint columns, which PostgreSQL sends as text. WAL positions in bytes and durations fit a double up to 8 PiB. */
export const wholeNumber = {
  to: (value: number | null) => value,
  from: (value: string | null) => (value === null ? null : Number(value)),
};
