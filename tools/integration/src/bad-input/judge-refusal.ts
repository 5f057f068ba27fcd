import type { BadInput } from './bad-input';
import type { RefusedWith } from './send-bad-input';

/** Traces of internals: stack frames, source files, the names of our libraries. */
const inside = /\n\s+at |node_modules|\.(ts|js):\d+|<html|<!doctype|ZodError|express|nestjs|stack"/i;

/** What is wrong with the answer to a bad input; null when it is refused correctly: with a helpful 4xx problem, and nothing else. */
export const judgeRefusal = (bad: BadInput, answer: RefusedWith): string | null => {
  const { status, headers, body } = answer;
  const told = `${status} ${String(headers['content-type'])} ${body.slice(0, 300)}`;
  if (!bad.expectStatus.includes(status)) return `expected ${bad.expectStatus.join(' or ')}, got ${told}`;
  if (!String(headers['content-type']).startsWith('application/problem+json'))
    return `no problem+json: ${told}`;
  if (headers['x-powered-by'] !== undefined) return `says what it is powered by: ${told}`;
  if (status === 401 && headers['www-authenticate'] === undefined)
    return `401 without WWW-Authenticate: ${told}`;
  if (status === 405 && bad.raw === undefined && headers.allow === undefined)
    return `405 without Allow: ${told}`;
  if (bad.method === 'HEAD') return null;
  if (inside.test(body)) return `tells of the inside: ${told}`;
  try {
    const problem = JSON.parse(body) as Record<string, unknown>;
    if (problem.status !== status) return `the problem has another status: ${told}`;
    const empty = ['type', 'title', 'code', 'detail'].find(
      (name) => typeof problem[name] !== 'string' || !problem[name],
    );
    return empty ? `the problem has no ${empty}: ${told}` : null;
  } catch {
    return `the problem is not JSON: ${told}`;
  }
};
