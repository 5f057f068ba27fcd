import { z } from 'zod';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Tag = 'Users' | 'Clusters' | 'Backups' | 'Operations' | 'Platform';

/** The successful response of an endpoint. */
export interface Answer {
  readonly status: 200 | 201 | 202 | 204;
  readonly description: string;
  /** Null when the response has no JSON body; see `mediaTypes`. */
  readonly schema: z.ZodType | null;
  /** Value of the `Location` header, if the response has one; `{id}` is the `id` of the body. */
  readonly location?: `/${string}/{id}`;
  /** Bodies other than JSON: media type → description and example. */
  readonly mediaTypes?: Readonly<Record<string, { description: string; example: string }>>;
}

/** The reasons why this endpoint refuses, by status. The OpenAPI document adds the refusals that all endpoints share. */
export type Refusals = Readonly<Partial<Record<404 | 409 | 422 | 503, string>>>;

/** One route of the public API. The gateway routes and validates with it, and the OpenAPI document is generated from it. */
export interface EndpointContract<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
  Headers extends z.ZodObject = z.ZodObject,
> {
  /** The operationId of OpenAPI. */
  readonly id: string;
  readonly method: HttpMethod;
  /** In OpenAPI's notation, e.g. `/clusters/{clusterId}`. */
  readonly path: `/${string}`;
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string;
  /** Whether the endpoint needs no token. */
  readonly open: boolean;
  readonly params: Params;
  readonly query: Query;
  /** `noBody` for an endpoint without a body. */
  readonly body: Body;
  /** Request headers in addition to those that every endpoint accepts. */
  readonly headers: Headers;
  readonly answer: Answer;
  readonly refusals: Refusals;
}

/** The parsed request that a controller gets. */
export interface EndpointInput<E extends EndpointContract> {
  readonly params: z.output<E['params']>;
  readonly query: z.output<E['query']>;
  readonly body: z.output<E['body']>;
  readonly headers: z.output<E['headers']>;
}

const nothing = z.strictObject({});
type Nothing = typeof nothing;

/** No body. A POST may also send an empty object. */
export const noBody = z.strictObject({}).optional();

type Described = Pick<
  EndpointContract,
  'id' | 'method' | 'path' | 'tag' | 'summary' | 'description' | 'answer'
>;

interface Definition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Headers extends z.ZodObject,
> extends Described {
  readonly open?: true;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly headers?: Headers;
  readonly refusals?: Refusals;
}

/** Defaults: the endpoint needs a token, and has no parameters, no body and no refusals of its own. */
export const defineEndpoint = <
  Params extends z.ZodObject = Nothing,
  Query extends z.ZodObject = Nothing,
  Body extends z.ZodType = typeof noBody,
  Headers extends z.ZodObject = Nothing,
>(
  definition: Definition<Params, Query, Body, Headers>,
): EndpointContract<Params, Query, Body, Headers> => ({
  open: false,
  refusals: {},
  ...definition,
  params: definition.params ?? (nothing as unknown as Params),
  query: definition.query ?? (nothing as unknown as Query),
  body: definition.body ?? (noBody as unknown as Body),
  headers: definition.headers ?? (nothing as unknown as Headers),
});

/** Header of every POST, with a key that the client generates. */
export const IdempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters')
  .meta({
    description:
      'a key that you generate, e.g. a UUID; a request with the same key and body gets the first response again',
    example: '7f1d6e0a-2a52-4f0e-9d0c-5a3c2b1e8f47',
  });
