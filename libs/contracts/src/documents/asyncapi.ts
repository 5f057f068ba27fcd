import { CloudEvent } from '../cloud-event';
import { type EventFacts, eventFacts } from './event-facts';
import { type JsonSchema, SchemaCollector } from './json-schema';

const description = `What happens on the platform, as CloudEvents 1.0 on NATS JetStream (stream EVENTS, kept for seven days).
Delivery is at least once, in order per aggregate. Drop duplicates by \`id\`. See docs/events.md.`;

/** The events as AsyncAPI 3.0: a channel and a message per event, with the CloudEvents envelope around the data. */
export const asyncApiDocument = (): JsonSchema => {
  const collector = new SchemaCollector();
  const events = eventFacts(collector);
  const { properties, required } = collector.add(CloudEvent, 'output') as {
    properties: Record<string, JsonSchema>;
    required: string[];
  };
  const envelope = (event: EventFacts): JsonSchema => ({
    type: 'object',
    properties: { ...properties, type: { const: event.type }, data: event.schema },
    required,
  });
  return {
    asyncapi: '3.0.0',
    info: { title: 'pgfleet events', version: '1', description, license: { name: 'Apache-2.0' } },
    defaultContentType: 'application/json',
    servers: {
      nats: {
        host: '{host}:4222',
        protocol: 'nats',
        description: "TLS with a certificate of the platform's CA. Connect as the user `subscriber`.",
        variables: { host: { description: 'a NATS server of the platform' } },
      },
    },
    channels: Object.fromEntries(events.map((event) => [event.contract.name, channel(event)])),
    operations: Object.fromEntries(events.map((event) => [event.contract.name, operation(event)])),
    components: {
      messages: Object.fromEntries(
        events.map((event) => [event.contract.name, message(event, envelope(event))]),
      ),
      schemas: collector.schemas,
    },
  };
};

const channel = ({ contract, address, idName }: EventFacts): JsonSchema => ({
  address,
  description: contract.description,
  parameters: { [idName]: { description: `the ${idName.replace('Id', '')} that the event is about` } },
  messages: { [contract.name]: { $ref: `#/components/messages/${contract.name}` } },
});

/** AsyncAPI describes an operation from the side of the described application. That is the platform, so it sends. */
const operation = ({ contract, publishers }: EventFacts): JsonSchema => ({
  action: 'send',
  channel: { $ref: `#/channels/${contract.name}` },
  summary: contract.description,
  tags: publishers.map((name) => ({ name })),
});

const message = ({ contract, type, example }: EventFacts, payload: JsonSchema): JsonSchema => ({
  name: type,
  title: contract.name,
  summary: contract.description,
  contentType: 'application/cloudevents+json',
  headers: {
    type: 'object',
    properties: { 'Nats-Msg-Id': { type: 'string', description: 'the id of the event' } },
  },
  payload,
  examples: [{ payload: example }],
});
