import { gzipSync } from 'node:zlib';
import { type ApiDocument, type BadInput, type Endpoint, type JsonSchema, spoil } from './bad-input';
import { hostileStrings, malformedJson, valuesOfAnyType } from './hostile-values';
import { allows, resolve } from './schema-check';

const json = { 'content-type': 'application/json' };
const kibibyte = 1024;

/** Bodies that no endpoint accepts, whether it has a body or not. */
const unreadable = (endpoint: Endpoint): BadInput[] => [
  ...Object.entries(malformedJson).map(([what, body]) =>
    spoil(endpoint, `a body with ${what}`, [400], { body, headers: json }),
  ),
  ...Object.entries({
    null: 'null',
    'a list': '[]',
    'a string': '"x"',
    'a number': '1',
    'a boolean': 'true',
  }).map(([what, body]) => spoil(endpoint, `a body that is ${what}`, [400], { body, headers: json })),
  spoil(endpoint, 'a body with an unknown field', [400], {
    body: JSON.stringify({ ...(endpoint.body as object), unknownField: 1 }),
    headers: json,
  }),
  spoil(endpoint, 'a body with __proto__', [400], {
    body: addMember(endpoint.body, '"__proto__":{"isAdmin":true}'),
    headers: json,
  }),
  spoil(endpoint, 'a body with constructor.prototype', [400], {
    body: '{"constructor":{"prototype":{"isAdmin":true}}}',
    headers: json,
  }),
  spoil(endpoint, 'a body of ten thousand lists in each other', [400], {
    body: `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
    headers: json,
  }),
  spoil(endpoint, 'a body of ten thousand objects in each other', [400], {
    body: `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
    headers: json,
  }),
  spoil(endpoint, 'a body that is not UTF-8', [400], {
    body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    headers: json,
  }),
  spoil(endpoint, 'a body in UTF-16', [400, 415], {
    body: Buffer.from('{"name":"a"}', 'utf16le'),
    headers: json,
  }),
  spoil(endpoint, 'a body in a charset that is not UTF-8', [415], {
    body: '{}',
    headers: { 'content-type': 'application/json; charset=utf-16' },
  }),
  ...[
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'x',
    '',
  ].map((type) =>
    spoil(endpoint, `a body of type "${type}"`, [415], {
      body: '{"name":"a"}',
      headers: { 'content-type': type },
    }),
  ),
  spoil(endpoint, 'a body without a type', [415], {
    body: '{"name":"a"}',
    headers: { 'content-type': undefined },
  }),
  spoil(endpoint, 'a compressed body', [415], {
    body: gzipSync('{"name":"a"}'),
    headers: { ...json, 'content-encoding': 'gzip' },
  }),
  spoil(endpoint, 'a body in an encoding that nobody knows', [415], {
    body: '{"name":"a"}',
    headers: { ...json, 'content-encoding': 'x' },
  }),
  spoil(endpoint, 'a body just over 64 KiB', [413], {
    body: `"${'a'.repeat(64 * kibibyte)}"`,
    headers: json,
  }),
  spoil(endpoint, 'a body of 4 MiB', [413], {
    body: `"${'a'.repeat(4 * kibibyte * kibibyte)}"`,
    headers: json,
  }),
  spoil(endpoint, 'a body of 1 MiB in chunks', [413], {
    body: `"${'a'.repeat(kibibyte * kibibyte)}"`,
    headers: { ...json, 'transfer-encoding': 'chunked' },
  }),
];

/** Every value that a field's schema does not allow, in place of that field, including the fields of nested objects. */
const wrongFields = (
  endpoint: Endpoint,
  document: ApiDocument,
  reference: JsonSchema,
  put: (value: unknown) => unknown,
  path: string,
): BadInput[] => {
  const schema = resolve(reference, document);
  const wrong = Object.entries({ ...valuesOfAnyType, ...hostileStrings })
    .filter(([, value]) => !allows(schema, value, document))
    .map(([what, value]) =>
      spoil(endpoint, `${path} is ${what}`, [400], { body: JSON.stringify(put(value)), headers: json }),
    );
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).flatMap(
    ([name, property]) =>
      wrongFields(
        endpoint,
        document,
        property,
        (value) => put({ ...exampleMembers(schema), [name]: value }),
        `${path}.${name}`,
      ),
  );
  const others = schema.additionalProperties;
  const entries =
    typeof others === 'object' && others !== null
      ? [
          ...wrongFields(
            endpoint,
            document,
            others as JsonSchema,
            (value) => put({ team: value }),
            `${path}.team`,
          ),
          ...Object.entries(hostileStrings)
            .filter(([, name]) => name !== '__proto__' && !allows(schema, { [name]: 'x' }, document))
            .map(([what, name]) =>
              spoil(endpoint, `a name in ${path} is ${what}`, [400], {
                body: JSON.stringify(put({ [name]: 'x' })),
                headers: json,
              }),
            ),
        ]
      : [];
  return [...wrong, ...properties, ...entries];
};

/** JSON of an object with one more member, as text: JavaScript would treat `__proto__` differently. */
const addMember = (object: unknown, member: string): string =>
  JSON.stringify({ ...(object as object), ' ': 0 }).replace('" ":0', member);

/** A valid body except for bytes in a string that are not UTF-8, which careless decoding would turn into a replacement character. */
const notUtf8 = (endpoint: Endpoint, name: string): BadInput =>
  spoil(endpoint, `bytes in ${name} that are not UTF-8`, [400], {
    body: Buffer.from(JSON.stringify({ ...(endpoint.body as object), [name]: 'a\u00ffb' }), 'latin1'),
    headers: json,
  });

const exampleMembers = (schema: JsonSchema): object => (schema.default ?? {}) as object;

const missing = (endpoint: Endpoint): BadInput[] => [
  spoil(endpoint, 'no body', [400], { body: undefined }),
  spoil(endpoint, 'an empty object', [400], { body: '{}', headers: json }),
];

export const bodyCases = (endpoint: Endpoint, document: ApiDocument): BadInput[] => {
  if (!endpoint.needsToken) return [];
  const schema = endpoint.operation.requestBody?.content['application/json']?.schema;
  if (!schema) return unreadable(endpoint);
  const { properties = {}, required = [] } = resolve(schema, document);
  const example = endpoint.body as Record<string, unknown>;
  return [
    ...unreadable(endpoint),
    ...(endpoint.operation.requestBody?.required === false ? [] : missing(endpoint)),
    ...(required as string[]).map((name) =>
      spoil(endpoint, `no ${name}`, [400], {
        body: JSON.stringify({ ...example, [name]: undefined }),
        headers: json,
      }),
    ),
    ...Object.entries(properties as Record<string, JsonSchema>)
      .filter(([, property]) => resolve(property, document).type === 'string')
      .map(([name]) => notUtf8(endpoint, name)),
    ...Object.entries(properties as Record<string, JsonSchema>).flatMap(([name, property]) =>
      wrongFields(endpoint, document, property, (value) => ({ ...example, [name]: value }), name),
    ),
  ];
};
