import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import type { ServiceName } from '@pgfleet/contracts';
import type { Services } from '@pgfleet/integration';
import { connectNats, messagingMigrations, MessagingModule, provision } from '@pgfleet/messaging';
import { migrate, PersistenceModule } from '@pgfleet/persistence';
import { operationsMigrations, OperationsModule, type Program } from '../index';

export interface SpecService {
  readonly service: ServiceName;
  readonly nats: string;
  readonly url: string;
  readonly schema: string;
  readonly programs: Type<Program>[];
  readonly providers?: Provider[];
  readonly controllers?: Type[];
}

/** A service with operations, as an app puts it together. */
export const specService = (options: SpecService): DynamicModule => {
  const { service, nats, url, schema, programs, providers = [], controllers = [] } = options;
  @Module({})
  class SpecModule {}
  return {
    module: SpecModule,
    imports: [
      PersistenceModule.forRoot({ url, schema, entities: [], migrations: [] }),
      MessagingModule.forRoot({ service, nats: { servers: nats }, database: true }),
      OperationsModule.forRoot({ service, programs }),
    ],
    providers: [...programs, ...providers],
    controllers,
  };
};

export const provisionStreams = async (servers: string): Promise<void> => {
  const admin = await connectNats({ servers, name: 'admin' });
  await provision(admin);
  await admin.close();
};

/** Makes a role, its schema and tables, and those that the fixtures write to; gives the role's URL. */
export const makeSchema = async ({ postgres }: Services, schema: string): Promise<string> => {
  const url = await postgres.createService(schema);
  await migrate({ url, schema, entities: [], migrations: [...messagingMigrations, ...operationsMigrations] });
  await postgres.query(`
    SET ROLE ${schema};
    CREATE TABLE ${schema}.run (operation_id text, step text, pid int);
    CREATE TABLE ${schema}.effect (operation_id text, step text, pid int);
    CREATE TABLE ${schema}.heard (event_id text, operation_id text, what text);
  `);
  return url;
};
