import type { LogLine, Progress } from '@pgfleet/contracts';

/** Longer lines are cut: whoever wants all of one asks for raw output. */
const maxLength = 300;
const maxDetail = 100;

/** A line of an operation's log in a few words; null for one that says nothing that another does not say. */
export const readableLine = ({ raw, progress, line }: LogLine): string | null => {
  if (raw) return null;
  const text = progress ? readableProgress(progress) : line.trim();
  return text ? cut(text, maxLength) : null;
};

/** A task is told of by what it gave on each host, so that its beginning is left out; what was skipped changed nothing. */
const readableProgress = ({ event, play, task, host, status, message }: Progress): string | null => {
  if (event === 'play') return play ?? null;
  if (event !== 'host' || status === 'skipped') return null;
  const detail = message?.split('\n')[0];
  // Why something failed is told in full; which files changed is not.
  const shown = detail && (status === 'changed' ? cut(detail, maxDetail) : detail);
  return `${[host, task, status].filter(Boolean).join(': ')}${shown ? ` (${shown})` : ''}`;
};

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
