import type { JsonSchema, SchemaCollector } from './json-schema';

const instant = '2026-11-23T12:00:00.000Z';
const formats: Record<string, string> = { 'date-time': instant, email: 'ada@example.com' };

/** A value that the schema allows, built only from its examples, defaults and constants, so the result is stable. */
export const exampleOf = (schema: JsonSchema, collector: SchemaCollector): unknown => {
  const { examples, anyOf, oneOf, allOf, type, ...own } = collector.resolve(schema);
  const choices = (anyOf ?? oneOf ?? allOf) as JsonSchema[] | undefined;
  if (Array.isArray(examples)) return examples[0];
  if ('const' in own) return own.const;
  if ('default' in own && own.default !== '') return own.default;
  if (Array.isArray(own.enum)) return own.enum[0];
  if (choices) return exampleOf(choices[0] ?? {}, collector);
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object':
      return exampleObject(own, collector);
    case 'array':
      return [exampleOf(own.items as JsonSchema, collector)];
    case 'string':
      return formats[own.format as string] ?? 'text';
    case 'integer':
    case 'number':
      return own.minimum ?? 1;
    case 'boolean':
      return true;
    default:
      return null;
  }
};

const exampleObject = (schema: JsonSchema, collector: SchemaCollector): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(([name, property]) => [
      name,
      exampleOf(property, collector),
    ]),
  );
