import type { ApiDocument, JsonSchema } from './bad-input';

export const resolve = (schema: JsonSchema, document: ApiDocument): JsonSchema =>
  typeof schema.$ref === 'string'
    ? (document.components.schemas[schema.$ref.replace('#/components/schemas/', '')] ?? {})
    : schema;

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isSafeInteger(value) ? 'integer' : typeof value;
};

const allowsType = (schema: JsonSchema, value: unknown): boolean => {
  if (schema.type === undefined) return true;
  const type = typeOf(value);
  return [schema.type]
    .flat()
    .some((allowed) => allowed === type || (allowed === 'number' && type === 'integer'));
};

const allowsText = (schema: JsonSchema, text: string): boolean =>
  (schema.pattern === undefined || new RegExp(schema.pattern as string, 'u').test(text)) &&
  text.length >= ((schema.minLength as number | undefined) ?? 0) &&
  text.length <= ((schema.maxLength as number | undefined) ?? Infinity);

const allowsNumber = (schema: JsonSchema, value: number): boolean =>
  value >= ((schema.minimum as number | undefined) ?? -Infinity) &&
  value <= ((schema.maximum as number | undefined) ?? Infinity);

const allowsMembers = (schema: JsonSchema, value: object, document: ApiDocument): boolean => {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const names = schema.propertyNames as JsonSchema | undefined;
  const others = schema.additionalProperties;
  return (
    ((schema.required ?? []) as string[]).every((name) => name in value) &&
    Object.entries(value).every(([name, member]) => {
      if (names && !allows(names, name, document)) return false;
      const known = properties[name];
      if (known) return allows(known, member, document);
      return (
        others !== false && (typeof others !== 'object' || allows(others as JsonSchema, member, document))
      );
    })
  );
};

/** Whether the schema allows a value; supports the JSON Schema keywords that the document uses. */
export const allows = (reference: JsonSchema, value: unknown, document: ApiDocument): boolean => {
  const schema = resolve(reference, document);
  const choices = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (choices) return choices.some((choice) => allows(choice, value, document));
  if ('const' in schema) return schema.const === value;
  if (Array.isArray(schema.enum)) return schema.enum.includes(value);
  if (!allowsType(schema, value)) return false;
  if (typeof value === 'string') return allowsText(schema, value);
  if (typeof value === 'number') return allowsNumber(schema, value);
  if (Array.isArray(value)) {
    return (
      schema.items === undefined || value.every((item) => allows(schema.items as JsonSchema, item, document))
    );
  }
  return value === null || typeof value !== 'object' || allowsMembers(schema, value, document);
};
