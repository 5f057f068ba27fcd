import { z } from 'zod';
import { endpointCatalogue, type EndpointContract, IdempotencyKey, noBody } from '../endpoints';
import { Problem } from '../problem';
import { exampleOf } from './example';
import { type JsonSchema, SchemaCollector } from './json-schema';
import { problemResponses } from './openapi-problems';

export type OpenApiDocument = {
  openapi: string;
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: Record<string, Record<string, unknown>>;
} & Record<string, unknown>;

export interface OpenApiOperation {
  operationId: string;
  security: readonly unknown[];
  parameters: { name: string; in: 'path' | 'query' | 'header'; required: boolean; schema: JsonSchema }[];
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema; example: unknown }> };
  responses: Record<string, unknown>;
  [more: string]: unknown;
}

const description = `Creates and manages PostgreSQL clusters on your own machines.

**Token.** Send \`Authorization: Bearer <token>\` with every request. Health, metrics and this document need no token.

**Changes are operations.** A change that takes longer than a request answers \`202\` with \`Location: /operations/{operationId}\`. Poll the operation until its state is
\`succeeded\`, \`failed\` or \`cancelled\`, or read its log as an event stream. Only one operation at a time changes a cluster.
A \`scheduled\` operation does not count until it starts.

**Safe retries.** Send an \`Idempotency-Key\` of your own with every POST. If the response is lost, send the same request with the same key: you get
the first response, and nothing runs twice. The same key with another body is refused with \`422\`.

**Problems** are \`application/problem+json\` (RFC 9457): \`code\` is for programs, \`detail\` says what is wrong, \`errors\` where, and \`remedy\` what to do.
Unknown fields and parameters are refused. A body can have at most 64 KiB.

**Events.** Every change is also published as an event on NATS JetStream: see \`docs/events.md\` and \`docs/asyncapi.json\`.`;

const tags = [
  { name: 'Users', description: 'The owners of clusters.' },
  { name: 'Clusters', description: 'Highly available PostgreSQL, with a load balancer and backups.' },
  { name: 'Backups', description: 'Backups, archived WAL, and what can be restored from them.' },
  { name: 'Operations', description: 'Running, scheduled and past operations, with their logs.' },
  { name: 'Platform', description: 'Health, metrics and this document.' },
];

/** The public API as OpenAPI 3.1, generated from the endpoint catalogue. */
export const openApiDocument = (): OpenApiDocument => {
  const collector = new SchemaCollector();
  collector.add(Problem, 'output');
  const paths: OpenApiDocument['paths'] = {};
  for (const endpoint of endpointCatalogue) {
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operation(endpoint, collector);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'pgfleet',
      version: '1',
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The gateway that serves this document.' }],
    tags,
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A token of the platform.' } },
      schemas: collector.schemas,
    },
  };
};

const operation = (endpoint: EndpointContract, collector: SchemaCollector): OpenApiOperation => {
  const takesBody = endpoint.body !== noBody;
  const body = takesBody ? collector.add(endpoint.body, 'input') : null;
  return {
    operationId: endpoint.id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description: endpoint.description,
    security: endpoint.open ? [] : [{ token: [] }],
    parameters: [
      ...parameters(endpoint.params, 'path', collector),
      ...parameters(endpoint.query, 'query', collector),
      ...parameters(endpoint.headers, 'header', collector),
      ...(endpoint.method === 'POST'
        ? parameters(z.object({ 'Idempotency-Key': IdempotencyKey.optional() }), 'header', collector)
        : []),
    ],
    ...(body && {
      requestBody: {
        required: !endpoint.body.safeParse(undefined).success,
        content: { 'application/json': { schema: body, example: exampleOf(body, collector) } },
      },
    }),
    responses: {
      [endpoint.answer.status]: answer(endpoint, collector),
      ...problemResponses(endpoint, takesBody),
    },
  };
};

const parameters = (
  schema: z.ZodObject,
  place: 'path' | 'query' | 'header',
  collector: SchemaCollector,
): OpenApiOperation['parameters'] => {
  const { properties = {}, required = [] } = collector.add(schema, 'input');
  return Object.entries(properties as Record<string, JsonSchema>).map(([name, property]) => ({
    name,
    in: place,
    required: (required as string[]).includes(name),
    ...(typeof property.description === 'string' && { description: property.description }),
    schema: property,
  }));
};

const answer = ({ answer }: EndpointContract, collector: SchemaCollector): JsonSchema => {
  const content: JsonSchema = {};
  if (answer.schema) {
    const schema = collector.add(answer.schema, 'output');
    content['application/json'] = { schema, example: exampleOf(schema, collector) };
  }
  for (const [type, { description, example }] of Object.entries(answer.mediaTypes ?? {})) {
    content[type] = { schema: { type: 'string', description }, example };
  }
  return {
    description: answer.description,
    headers: {
      'X-Request-Id': {
        description: 'id of the request in the access log; yours, if you sent one',
        schema: { type: 'string' },
      },
      ...(answer.location && {
        Location: {
          description: `\`${answer.location}\``,
          schema: { type: 'string', format: 'uri-reference' },
        },
      }),
    },
    ...(Object.keys(content).length > 0 && { content }),
  };
};
