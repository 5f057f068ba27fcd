import type { LogLine, Progress } from '@pgfleet/contracts';

/** Longer lines are cut. Raw output has them complete. */
const maxLength = 300;
const maxDetail = 100;

/** Shortens a line of an operation's log. Null for a line that only repeats others. */
export const readableLine = ({ raw, progress, line }: LogLine): string | null => {
  if (raw) return null;
  const text = progress ? readableProgress(progress) : line.trim();
  return text ? cut(text, maxLength) : null;
};

/** Reports a task by its result on each host. Leaves out its start, and skipped results. */
const readableProgress = ({ event, play, task, host, status, message }: Progress): string | null => {
  if (event === 'play') return play ?? null;
  if (event !== 'host' || status === 'skipped') return null;
  const detail = message?.split('\n')[0];
  // Keeps the whole reason of a failure, but cuts the list of changed files.
  const shown = detail && (status === 'changed' ? cut(detail, maxDetail) : detail);
  return `${[host, task, status].filter(Boolean).join(': ')}${shown ? ` (${shown})` : ''}`;
};

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
