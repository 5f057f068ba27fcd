import type { CloudEvent } from './cloud-event';
import { eventType, type EventContract, type EventData } from './define-event';

/** The source, subject and cause of an event. */
export interface EventFacts {
  id: string;
  /** Name of the service. */
  service: string;
  /** Id of the aggregate. */
  subject: string;
  /** The operation that the event belongs to. */
  correlationId?: string | undefined;
  /** The event or command that caused it. */
  causationId?: string | undefined;
}

/** Creates an event in its envelope, with the current time. */
export const makeEvent = <E extends EventContract>(
  contract: E,
  data: EventData<E>,
  { id, service, subject, correlationId, causationId }: EventFacts,
): CloudEvent<EventData<E>> => ({
  specversion: '1.0',
  id,
  source: `/pgfleet/${service}`,
  type: eventType(contract),
  subject,
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  ...(correlationId && { correlationid: correlationId }),
  ...(causationId && { causationid: causationId }),
  data,
});
