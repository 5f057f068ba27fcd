import { z } from 'zod';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Tag = 'Users' | 'Clusters' | 'Backups' | 'Operations' | 'Platform';

/** What an endpoint answers when all is well. */
export interface Answer {
  readonly status: 200 | 201 | 202 | 204;
  readonly description: string;
  /** Null when the answer has no JSON body of its own; see `mediaTypes`. */
  readonly schema: z.ZodType | null;
  /** Where what was made is, for an answer with a `Location` header; `{id}` is the `id` of the body. */
  readonly location?: `/${string}/{id}`;
  /** Bodies other than JSON: media type → what it holds, with an example. */
  readonly mediaTypes?: Readonly<Record<string, { description: string; example: string }>>;
}

/** A refusal that is the endpoint's own: why it comes. Those that every endpoint can give are added by the document. */
export type Refusals = Readonly<Partial<Record<404 | 409 | 422 | 503, string>>>;

/** One route of the public API: the gateway validates by it and routes by it, and the OpenAPI document is made of it. */
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
  /** True for what is answered without a token. */
  readonly open: boolean;
  readonly params: Params;
  readonly query: Query;
  /** `noBody` for an endpoint that takes none. */
  readonly body: Body;
  /** Request headers of its own, beside those that every endpoint takes. */
  readonly headers: Headers;
  readonly answer: Answer;
  readonly refusals: Refusals;
}

/** What a controller gets of a request, parsed. */
export interface EndpointInput<E extends EndpointContract> {
  readonly params: z.output<E['params']>;
  readonly query: z.output<E['query']>;
  readonly body: z.output<E['body']>;
  readonly headers: z.output<E['headers']>;
}

const nothing = z.strictObject({});
type Nothing = typeof nothing;

/** A request without a body; a POST may also send an empty object. */
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

/** Parts that are left out mean: a token is needed; no parameters, no body, no refusals of its own. */
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

/** A header of every POST: a key that a client makes. */
export const IdempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters')
  .meta({
    description: 'made by you, e.g. a UUID: the same key and body get the first answer again',
    example: '7f1d6e0a-2a52-4f0e-9d0c-5a3c2b1e8f47',
  });
