import { streams } from '../streams';
import { type EventFacts, eventFacts } from './event-facts';
import { type JsonSchema, SchemaCollector } from './json-schema';

const intro = `# Events

Generated from \`libs/contracts\` by \`npm run docs:generate\`; do not edit. For programs: [asyncapi.json](asyncapi.json).

Events are [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in JSON, on the JetStream stream \`${streams.events.name}\`,
which keeps them for seven days. The tables below describe \`data\`. \`correlationid\` is the operation that an event belongs to, \`causationid\` the
event or command that caused it. No event carries a secret.

- **Subscribe** with a durable consumer on \`${streams.events.name}\`, filtered by subject. \`*\` in place of an id matches all ids. The NATS user \`subscriber\` may do that
  and nothing else.
- **Delivery** is at least once. Remember the \`id\` of every event you have handled, and drop duplicates: redelivery does not change the id.
- **Order** is kept per aggregate: the events of one cluster arrive in the order in which they happened.
- **Versions.** New fields may appear in \`data\` without notice: ignore the ones you do not know. Any other change creates a new version with a new \`type\`.
`;

/** The catalogue of events for people: \`docs/events.md\`. */
export const eventsMarkdown = (): string => {
  const collector = new SchemaCollector();
  const events = eventFacts(collector);
  const index = events.map(({ contract, address }) => {
    return `| [${contract.name}](#${anchor(contract.name)}) | \`${address}\` | ${contract.description} |`;
  });
  return [
    intro,
    '| event | subject | when |\n|---|---|---|',
    `${index.join('\n')}\n`,
    ...events.map((event) => section(event, collector)),
  ].join('\n');
};

/** The anchor that GitHub generates for a heading. */
const anchor = (name: string) => name.replaceAll('.', '');

const section = (event: EventFacts, collector: SchemaCollector): string =>
  [
    `## ${event.contract.name}\n`,
    `${event.contract.description}\n`,
    `- type \`${event.type}\`, version ${event.contract.version}`,
    `- subject \`${event.address}\`; all: \`${event.address.replace(/\{\w+\}/, '*')}\``,
    `- published by ${event.publishers.join(', ')}\n`,
    '| data | type | |\n|---|---|---|',
    ...fieldRows(event.schema, collector),
    '',
    '```json',
    JSON.stringify(event.example, null, 2),
    '```\n',
  ].join('\n');

const fieldRows = (schema: JsonSchema, collector: SchemaCollector, prefix = ''): string[] => {
  const { properties = {}, required = [] } = collector.resolve(schema);
  return Object.entries(properties as Record<string, JsonSchema>).flatMap(([name, reference]) => {
    const field = collector.resolve(reference);
    const path = `${prefix}${name}`;
    const optional = (required as string[]).includes(name) ? '' : ', optional';
    const row = `| \`${path}\` | ${typeName(field, collector)}${optional} | ${(field.description as string | undefined) ?? ''} |`;
    const inner = field.type === 'array' ? (field.items as JsonSchema) : field;
    const nested =
      inner.properties || inner.$ref
        ? fieldRows(inner, collector, `${path}${inner === field ? '.' : '[].'}`)
        : [];
    return [row, ...nested];
  });
};

const typeName = (schema: JsonSchema, collector: SchemaCollector): string => {
  const { type, anyOf, format, items, ...own } = collector.resolve(schema);
  if (Array.isArray(anyOf))
    return anyOf.map((choice: JsonSchema) => typeName(choice, collector)).join(' or ');
  if (Array.isArray(own.enum)) return own.enum.map((value) => `\`${String(value)}\``).join(', ');
  if ('const' in own) return `\`${String(own.const)}\``;
  if (type === 'array') return `list of ${typeName(items as JsonSchema, collector)}`;
  return [format ?? type ?? 'anything'].flat().join(' or ');
};
