/** RFC 9457 problem details as labd returns them; `code` is stable and meant for programs. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly remedy?: string;
  readonly errors?: readonly { path: string; message: string }[];
}

interface ProblemOptions {
  remedy?: string;
  errors?: { path: string; message: string }[];
}

/** An error answer, thrown where the fault is found and translated once, at the edge. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.remedy ? `${problem.detail} (${problem.remedy})` : problem.detail);
    this.name = 'ProblemError';
  }
}

const kind =
  (code: string, status: number, title: string) =>
  (detail: string, options: ProblemOptions = {}): ProblemError =>
    new ProblemError({ type: `urn:pgfleet:problem:${code}`, title, status, code, detail, ...options });

export const invalidInput = kind('invalid-input', 400, 'The request is not valid');
export const unauthorized = kind('unauthorized', 401, 'The request carries no valid token');
export const notFound = kind('not-found', 404, 'There is no such resource');
export const noCapacity = kind('no-capacity', 409, 'The lab has no room for another machine');
export const otherSpec = kind(
  'machine-exists',
  409,
  'A machine of this name exists with another specification',
);
export const poweredOff = kind('powered-off', 409, 'The machine is off');
export const notOff = kind('not-off', 409, 'The machine is not off');
export const isFenced = kind('fenced', 409, 'The machine is fenced');
export const tooLarge = kind('too-large', 413, 'The request is too large');
export const noImage = kind('image-not-built', 503, 'The image is not built');
export const internal = kind('internal', 500, 'labd failed');
