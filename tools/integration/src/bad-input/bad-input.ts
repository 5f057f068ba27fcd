/** The part of an OpenAPI document that bad input is built from. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface ApiOperation {
  readonly security?: readonly unknown[];
  readonly parameters?: readonly ApiParameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { schema: JsonSchema; example?: unknown }>>;
  };
}

export interface ApiParameter {
  readonly name: string;
  readonly in: string;
  readonly schema: JsonSchema;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A request that must be refused. */
export interface BadInput {
  /** What is wrong with it; unique among all. */
  readonly name: string;
  readonly method: string;
  /** The request target as it goes over the wire, already encoded (or wrongly so). */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Bytes to send instead of a request built from the fields above. */
  readonly raw?: string;
  /** Any of these is a correct answer; all are 4xx. */
  readonly expectStatus: readonly number[];
}

/** An endpoint and a well-formed request to it. */
export interface Endpoint {
  readonly label: string;
  readonly method: string;
  readonly template: string;
  readonly operation: ApiOperation;
  readonly needsToken: boolean;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const exampleOf = ({ schema }: ApiParameter): string =>
  String((schema.examples as unknown[] | undefined)?.[0] ?? 'x');

/** Every endpoint of the document, with the example of each path parameter in the path. */
export const endpointsOf = (document: ApiDocument, token: string): Endpoint[] =>
  Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([verb, operation]) => {
      const method = verb.toUpperCase();
      const path = (operation.parameters ?? [])
        .filter((parameter) => parameter.in === 'path')
        .reduce((filled, parameter) => filled.replace(`{${parameter.name}}`, exampleOf(parameter)), template);
      const body = operation.requestBody?.content['application/json']?.example;
      const needsToken = (operation.security ?? []).length > 0;
      const headers = {
        ...(needsToken && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      return { label: `${method} ${template}`, method, template, operation, needsToken, path, headers, body };
    }),
  );

/** A request of the endpoint with a part of it changed; a header that is undefined is left out. */
export const spoil = (
  endpoint: Endpoint,
  what: string,
  expectStatus: readonly number[],
  change: Partial<Omit<BadInput, 'headers'>> & {
    headers?: Record<string, string | readonly string[] | undefined>;
  },
): BadInput => {
  const merged = { ...endpoint.headers, ...change.headers };
  const headers = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
  return {
    method: endpoint.method,
    path: endpoint.path,
    ...(endpoint.body !== undefined && { body: JSON.stringify(endpoint.body) }),
    ...change,
    name: `${endpoint.label}: ${what}`,
    headers: headers as BadInput['headers'],
    expectStatus,
  };
};
