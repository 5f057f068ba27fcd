import type { INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  backupOperations,
  eventSubject,
  hasEnded,
  makeEvent,
  newId,
  type CloudEvent,
  type EventContract,
  type EventData,
  type Operation,
} from '@pgfleet/contracts';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { connectNats, provision, Requester, startService } from '@pgfleet/messaging';
import { migrate } from '@pgfleet/persistence';
import { AppModule } from '../app.module';
import type { Config } from '../config';
import { databaseOptions } from '../persistence/database-options';
import { startSurroundings } from './surroundings';

/** The service as in production, on real NATS and PostgreSQL, in its spec's `world`; also how a spec sends requests and receives events. */
export class SpecService {
  private constructor(
    readonly services: Services,
    readonly config: Config,
    readonly requester: Requester,
    private readonly spec: NatsConnection,
    private readonly apps: INestApplication[],
  ) {}

  /** @param replicas of the service; none for a spec that starts its process itself. */
  static async start({ replicas = 1 } = {}): Promise<SpecService> {
    const services = await startServices({ nats: true, postgres: true });
    const spec = await connectNats({ servers: services.nats.url, name: 'spec' });
    await provision(spec);
    const url = await services.postgres.createService('backup');
    await migrate(databaseOptions(url, undefined));
    const config: Config = {
      PGFLEET_NATS_URL: services.nats.url,
      PGFLEET_DATABASE_URL: url,
      PGFLEET_HTTP_PORT: 0,
      PGFLEET_LOG_LEVEL: 'error',
    };
    const apps = await startSurroundings(services.nats.url);
    for (let replica = 0; replica < replicas; replica++)
      apps.push(await startService(AppModule.with(config), { service: 'backup-service', httpPort: 0 }));
    const requester = apps[0]!.get(Requester, { strict: false });
    return new SpecService(services, config, requester, spec, apps);
  }

  /** Publishes as cluster-service does. */
  async publish<E extends EventContract>(
    contract: E,
    subject: string,
    data: EventData<E>,
    correlationId?: string,
  ): Promise<void> {
    const id = newId('evt');
    const facts = { id, service: 'cluster-service' as const, subject };
    const event = makeEvent(contract, data, { ...facts, ...(correlationId && { correlationId }) });
    await jetstream(this.spec).publish(eventSubject(contract, subject), JSON.stringify(event), { msgID: id });
  }

  /** All events published so far. */
  async events(filter: string): Promise<CloudEvent<Record<string, unknown>>[]> {
    const consumer = await jetstream(this.spec).consumers.get('EVENTS', { filter_subjects: filter });
    const { num_pending: count } = await consumer.info();
    const found: CloudEvent<Record<string, unknown>>[] = [];
    if (count > 0)
      for await (const message of await consumer.fetch({ max_messages: count, expires: 2000 }))
        found.push(message.json());
    await consumer.delete();
    return found;
  }

  operation(operationId: string): Promise<Operation | null> {
    return this.requester.ask(backupOperations.get, { operationId });
  }

  ended(operationId: string, withinMs: number): Promise<Operation> {
    return eventually(async () => {
      const found = await this.operation(operationId);
      if (!found || !hasEnded(found)) throw new Error(`${operationId} is ${found?.state}`);
      return found;
    }, withinMs);
  }

  /** Waits until no operation of the cluster is running. */
  idle(clusterId: string): Promise<void> {
    return eventually(async () => {
      const { items } = await this.requester.ask(backupOperations.list, { clusterId });
      expect(items.filter((operation) => !hasEnded(operation))).toEqual([]);
    }, 60_000);
  }

  async stop(): Promise<void> {
    for (const app of this.apps.reverse()) await app.close();
    await this.spec.close();
    await this.services.stop();
  }
}
