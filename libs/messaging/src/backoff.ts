/** Milliseconds before try `attempt + 1`: 200, 400, 800 … at most 30 s, spread by up to a fifth so that many do not come at once. */
export const backoffMs = (attempt: number, baseMs = 200, capMs = 30_000): number => {
  const plain = Math.min(capMs, baseMs * 2 ** Math.max(0, attempt - 1));
  return Math.round(plain * (0.9 + Math.random() * 0.2));
};
