import { z } from 'zod';
import type { ServiceName } from '../streams';

/** A query or command that one service answers at once, through NATS request/reply. */
export interface RequestContract<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  readonly service: ServiceName;
  readonly name: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
}

export type RequestInput<R extends RequestContract> = z.input<R['input']>;
/** The input that a handler gets: parsed, with defaults filled in. */
export type ParsedInput<R extends RequestContract> = z.output<R['input']>;
export type RequestOutput<R extends RequestContract> = z.output<R['output']>;

export const defineRequest = <Input extends z.ZodType, Output extends z.ZodType>(
  contract: RequestContract<Input, Output>,
): RequestContract<Input, Output> => contract;

/** The NATS subject, e.g. `requests.cluster-service.get-cluster`. */
export const requestSubject = (request: RequestContract): string =>
  `requests.${request.service}.${request.name}`;

/**
 * The idempotency key of a POST. `fingerprint` is a hash of the route and body. The same key with the same fingerprint returns the
 * first response again; with another fingerprint it is refused with 422.
 */
export const Idempotency = z.object({ key: z.string(), fingerprint: z.string() }).nullable();
export type Idempotency = z.infer<typeof Idempotency>;
