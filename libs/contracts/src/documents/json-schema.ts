import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

/** zod writes the integer bounds of a double into every `z.int()`. They do not help a reader. */
const isNoise = (bound: unknown) => Math.abs(Number(bound)) === Number.MAX_SAFE_INTEGER;

const tidy = (schema: JsonSchema, io: 'input' | 'output'): void => {
  if (isNoise(schema.minimum)) delete schema.minimum;
  if (isNoise(schema.maximum)) delete schema.maximum;
  // Our own `example` is JSON Schema's `examples`.
  if ('example' in schema) {
    schema.examples = [schema.example];
    delete schema.example;
  }
  // Responses may grow new fields, so clients must not be told to refuse them.
  if (io === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
};

/**
 * Turns zod schemas into JSON Schema 2020-12. Each schema with an id becomes one shared component.
 * @example new SchemaCollector().add(Page, 'output') // {$ref: '#/components/schemas/Page'}
 */
export class SchemaCollector {
  readonly schemas: Record<string, JsonSchema> = {};

  /** @param io `input` for requests, where fields with defaults are optional; `output` for responses and events */
  add(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const { $schema: _, $defs = {}, ...own } = this.convert(schema, io);
    for (const [id, definition] of Object.entries($defs as Record<string, JsonSchema>))
      this.keep(id, definition);
    return own;
  }

  private convert(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const json = z.toJSONSchema(schema, {
      io,
      // Every component is a $ref, wherever it is used.
      reused: 'inline',
      override: ({ jsonSchema }) => tidy(jsonSchema as JsonSchema, io),
    });
    return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonSchema;
  }

  private keep(id: string, { id: _, ...definition }: JsonSchema): void {
    const known = this.schemas[id];
    if (known && JSON.stringify(known) !== JSON.stringify(definition)) {
      throw new Error(`Two different schemas have the id ${id}`);
    }
    this.schemas[id] = definition;
  }

  /** Follows a $ref to its schema. Returns any other schema unchanged. */
  resolve(schema: JsonSchema): JsonSchema {
    if (typeof schema.$ref !== 'string') return schema;
    return this.schemas[schema.$ref.replace('#/components/schemas/', '')] ?? {};
  }
}
