import { z } from 'zod';

/** One fault in an input. `path` is a JSON pointer into the body, or `query/limit`, `header/idempotency-key`, `path/clusterId`. */
export const ProblemFault = z.object({ path: z.string(), message: z.string() });

/**
 * RFC 9457 problem details, as `application/problem+json`. `code` is stable and meant for programs, `detail` says what is wrong, and
 * `remedy` says what to do about it.
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

/** A use case throws this to refuse a request. It becomes the HTTP response, also across a NATS request. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.title}: ${problem.detail}`);
    this.name = 'ProblemError';
  }
}

export interface ProblemOptions {
  remedy?: string;
  errors?: z.infer<typeof ProblemFault>[];
  /** Additional fields, e.g. the clusters that a user still owns. */
  extra?: Record<string, unknown>;
}

/** Defines a kind of problem: a stable code, the HTTP status and a title. The result takes the details of one occurrence. */
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
export const unauthorized = problemKind('unauthorized', 401, 'The request has no valid token');
export const notFound = problemKind('not-found', 404, 'The resource does not exist');
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
export const cannotChange = problemKind('cannot-change', 422, 'The request cannot be carried out');
export const targetOutOfReach = problemKind(
  'target-out-of-reach',
  422,
  'The backups do not reach this target',
);
export const unavailable = problemKind('unavailable', 503, 'A required service does not answer');

/** Whether a request was refused because its subject does not exist. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof ProblemError && error.problem.status === 404;
