import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import {
  type EndpointContract,
  type EndpointInput,
  type Idempotency,
  IdempotencyKey,
  invalidInput,
  type ProblemFault,
} from '@pgfleet/contracts';
import type { Request } from 'express';
import type { z } from 'zod';
import { endpointOf } from './endpoint-metadata';
import { faultsOf, type Place } from './faults';
import { fingerprint } from './fingerprint';

export interface RequestOf<E extends EndpointContract> extends EndpointInput<E> {
  /** Null unless the request is a POST with an Idempotency-Key. */
  readonly idempotency: Idempotency;
}

type Fault = z.infer<typeof ProblemFault>;

/** Parses all inputs of an endpoint. Throws one problem that lists every fault. */
export const parseInput = <E extends EndpointContract>(contract: E, request: Request): RequestOf<E> => {
  const faults: Fault[] = [];
  const parse = (place: Place, schema: z.ZodType, value: unknown): unknown => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    faults.push(...faultsOf(place, parsed.error));
    return undefined;
  };
  const headers = Object.keys(contract.headers.shape).map((name) => [name, request.headers[name]]);
  const input = {
    params: parse('path', contract.params, { ...request.params }),
    query: parse('query', contract.query, { ...request.query }),
    headers: parse('header', contract.headers, Object.fromEntries(headers)),
    body: parse('body', contract.body, request.body),
    idempotency: contract.method === 'POST' ? idempotencyOf(request, faults) : null,
  };
  if (faults.length > 0) {
    const [first] = faults;
    throw invalidInput(`${first?.path || 'The body'} ${first?.message}`, { errors: faults });
  }
  return input as RequestOf<E>;
};

const idempotencyOf = (request: Request, faults: Fault[]): Idempotency => {
  const [key, ...more] = request.headersDistinct['idempotency-key'] ?? [];
  if (key === undefined) return null;
  const path = 'header/idempotency-key';
  if (more.length > 0) faults.push({ path, message: 'was sent more than once' });
  const parsed = IdempotencyKey.safeParse(key);
  if (!parsed.success) faults.push(...parsed.error.issues.map(({ message }) => ({ path, message })));
  return { key, fingerprint: fingerprint(request.method, request.path, request.body) };
};

/** The request, parsed by the contract of its `@Endpoint`. */
export const Input = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const contract = endpointOf(context);
  return parseInput(contract, context.switchToHttp().getRequest<Request>());
});
