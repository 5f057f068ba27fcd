/** A WAL position as PostgreSQL writes it: `0/5000060` for byte 83886176. */
export const lsnText = (position: number): string => {
  const [upper, lower] = [Math.floor(position / 2 ** 32), position % 2 ** 32];
  return `${upper.toString(16).toUpperCase()}/${lower.toString(16).toUpperCase()}`;
};
