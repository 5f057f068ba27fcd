import { CloudEvent } from '../cloud-event';
import { type EventContract, eventSubject, eventType } from '../define-event';
import { eventCatalogue } from '../events';
import type { ServiceName } from '../streams';
import { exampleOf } from './example';
import type { JsonSchema, SchemaCollector } from './json-schema';

/** What the documents say about one event. */
export interface EventFacts {
  readonly contract: EventContract;
  readonly type: string;
  /** The subject with the name of the id in braces, e.g. `events.cluster.{clusterId}.ready`. */
  readonly address: string;
  readonly idName: string;
  readonly publishers: readonly ServiceName[];
  readonly schema: JsonSchema;
  readonly example: CloudEvent;
}

const publishers: Record<string, readonly ServiceName[]> = {
  user: ['cluster-service'],
  cluster: ['cluster-service'],
  operation: ['cluster-service', 'backup-service'],
  backup: ['backup-service'],
  node: ['healthcheck-scheduler'],
  job: ['ansible-runner'],
  platform: ['cluster-service'],
};

/** The field of `data` with the aggregate's id, which is also in the subject and in the envelope. */
const idNames: Record<string, string> = {
  user: 'userId',
  cluster: 'clusterId',
  operation: 'operationId',
  backup: 'stanza',
  node: 'node',
  job: 'jobId',
  platform: 'service',
};

/** The order of a module's exports, and so of the catalogue, depends on the compiler. */
const byName = (a: EventContract, b: EventContract) => (a.name < b.name ? -1 : 1);

export const eventFacts = (collector: SchemaCollector): EventFacts[] =>
  [...eventCatalogue.values()].sort(byName).map((contract) => {
    const aggregate = contract.name.split('.')[0] ?? '';
    const idName = idNames[aggregate] ?? 'id';
    const schema = collector.add(contract.data, 'output');
    const data = exampleOf(schema, collector) as Record<string, unknown>;
    const id = String(data[idName]);
    return {
      contract,
      type: eventType(contract),
      address: eventSubject(contract, `{${idName}}`),
      idName,
      publishers: publishers[aggregate] ?? [],
      schema,
      example: {
        specversion: '1.0',
        id: 'evt_01979a3c-6a10-7d42-9c3b-1f2e3d4c5b6a',
        source: `/pgfleet/${publishers[aggregate]?.[0]}`,
        type: eventType(contract),
        subject: id,
        time: '2026-11-23T12:00:00.000Z',
        datacontenttype: 'application/json',
        correlationid: 'op_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
        data,
      },
    };
  });
