import type { INestApplication, Provider, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { Services } from '@pgfleet/integration';
import { migrate, PersistenceModule } from '@pgfleet/persistence';
import type { ServiceName } from '@pgfleet/contracts';
import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats, messagingMigrations, MessagingModule, provision, startService } from '../index';

process.env.PGFLEET_LOG_LEVEL ||= 'silent';

export interface TestService {
  readonly service: ServiceName;
  readonly controllers?: Type[];
  readonly providers?: Provider[];
  /** URL of its database role; without it the service has no database. */
  readonly url?: string;
}

/** The schema and role of the specs' services. */
export const schema = 'cluster';

/** Makes role, schema and tables; streams; and gives the role's URL. */
export const prepare = async ({ nats, postgres }: Services): Promise<string> => {
  const admin = await connectNats({ servers: nats.url, name: 'admin' });
  await provision(admin);
  await admin.close();
  const url = await postgres.createService(schema);
  await migrate({ url, schema, entities: [], migrations: messagingMigrations });
  return url;
};

/** Starts a service as in production, on the spec's servers. */
export const startTestService = (
  services: Services,
  { service, controllers = [], providers = [], url }: TestService,
): Promise<INestApplication> => {
  @Module({
    imports: [
      ...(url ? [PersistenceModule.forRoot({ url, schema, entities: [], migrations: [] })] : []),
      MessagingModule.forRoot({
        service,
        nats: { servers: services.nats.url },
        database: url !== undefined,
      }),
    ],
    controllers,
    providers,
  })
  class TestModule {}
  return startService(TestModule, { service, httpPort: 0 });
};

/** A connection of the spec itself. */
export const observe = ({ nats }: Services): Promise<NatsConnection> =>
  connectNats({ servers: nats.url, name: 'spec' });
