import { z } from 'zod';

/** One fault of an input: `path` is a JSON pointer into the body, or `query/limit`, `header/idempotency-key`, `path/clusterId`. */
export const ProblemFault = z.object({ path: z.string(), message: z.string() });

/**
 * RFC 9457 problem details, as `application/problem+json`. `code` is stable and meant for programs, `detail` says what is wrong,
 * `remedy` what to do about it.
 */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.string(),
    detail: z.string(),
    remedy: z.string().optional(),
    errors: z.array(ProblemFault).optional(),
  })
  .catchall(z.unknown())
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** What a use case throws when it refuses: becomes the HTTP answer, also across a NATS request. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.title}: ${problem.detail}`);
    this.name = 'ProblemError';
  }
}

export interface ProblemOptions {
  remedy?: string;
  errors?: z.infer<typeof ProblemFault>[];
  /** Further members, e.g. the clusters that a user still owns. */
  extra?: Record<string, unknown>;
}

/** A kind of problem: a stable code, the HTTP status and a title; called with what is wrong this time. */
export const problemKind =
  (code: string, status: number, title: string) =>
  (detail: string, options: ProblemOptions = {}) =>
    new ProblemError({
      type: `urn:pgfleet:problem:${code}`,
      title,
      status,
      code,
      detail,
      ...(options.remedy && { remedy: options.remedy }),
      ...(options.errors && { errors: options.errors }),
      ...options.extra,
    });

export const invalidInput = problemKind('invalid-input', 400, 'The request is not valid');
export const unauthorized = problemKind('unauthorized', 401, 'The request carries no valid token');
export const notFound = problemKind('not-found', 404, 'There is no such resource');
export const conflict = problemKind('conflict', 409, 'The request conflicts with the current state');
export const operationInProgress = problemKind(
  'operation-in-progress',
  409,
  'Another operation is changing the cluster',
);
export const keyReused = problemKind(
  'idempotency-key-reused',
  422,
  'The idempotency key was used for another request',
);
export const cannotChange = problemKind('cannot-change', 422, 'That cannot be changed');
export const targetOutOfReach = problemKind(
  'target-out-of-reach',
  422,
  'The backups do not lead to that target',
);
export const unavailable = problemKind('unavailable', 503, 'A part that is needed does not answer');

/** Whether something was refused because what it is about is not there. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof ProblemError && error.problem.status === 404;
