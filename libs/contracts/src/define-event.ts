import { z } from 'zod';

/** What events are about: the second token of an event's subject. */
export type Aggregate = 'user' | 'cluster' | 'operation' | 'backup' | 'node' | 'job' | 'platform';

/**
 * One event of the catalogue. `name` is `<aggregate>.<what>` in the past tense. `version` counts incompatible changes of `data`.
 * @example defineEvent({ name: 'cluster.leader.changed', version: 1, description: '…', data: z.object({…}) })
 */
export interface EventContract<Name extends string = string, Data extends z.ZodType = z.ZodType> {
  readonly name: Name;
  readonly version: number;
  readonly description: string;
  readonly data: Data;
}

export type EventData<E extends EventContract> = z.output<E['data']>;

export const defineEvent = <const Name extends `${Aggregate}.${string}`, Data extends z.ZodType>(
  contract: EventContract<Name, Data>,
): EventContract<Name, Data> => contract;

/** The CloudEvents type, e.g. `io.pgfleet.cluster.leader.changed.v1`. */
export const eventType = (event: EventContract): string => `io.pgfleet.${event.name}.v${event.version}`;

/** The NATS subject, e.g. `events.cluster.<id>.leader.changed`; `id` is `*` in a subscription. */
export const eventSubject = (event: EventContract, id: string): string => {
  const [aggregate, ...what] = event.name.split('.');
  return ['events', aggregate, id, ...what].join('.');
};
