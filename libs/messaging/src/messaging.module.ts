import { type DynamicModule, Inject, Module, type OnApplicationShutdown, Optional } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import type { ServiceName } from '@pgfleet/contracts';
import { Readiness } from '@pgfleet/observability';
import { Inbox } from './inbox/inbox';
import { OperationLog } from './log/operation-log';
import { JobOutputs } from './outputs/job-outputs';
import { connectNats, inboxPrefix, type NatsOptions } from './nats/connect-nats';
import { NatsLink } from './nats/nats-link';
import { Outbox } from './outbox/outbox';
import { OutboxRelay } from './outbox/outbox-relay';
import { OutboxTable } from './outbox/outbox-table';
import { Requester } from './requests/requester';
import { RequestTransport } from './requests/request-transport';
import { INBOX_PREFIX, NATS, SERVICE } from './tokens';
import { DeadLetters } from './transport/dead-letters';
import { JetStreamTransport } from './transport/jetstream-transport';

export interface MessagingOptions {
  readonly service: ServiceName;
  readonly nats: Omit<NatsOptions, 'name'>;
  /** True for a service with a PersistenceModule: it gets the outbox and the inbox, whose tables are in `messagingMigrations`. */
  readonly database: boolean;
}

/** Everything a service says and hears: `Outbox`, `Requester`, `OperationLog`, `JobOutputs`, `NATS`, and the transports behind the decorators. */
@Module({})
export class MessagingModule implements OnApplicationShutdown {
  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    link: NatsLink,
    transport: JetStreamTransport,
    @Optional() private readonly relay?: OutboxRelay,
    @Optional() readiness?: Readiness,
  ) {
    readiness?.register('nats', () =>
      link.isUp() ? Promise.resolve() : Promise.reject(new Error('the connection is lost')),
    );
    readiness?.register('consumers', () => transport.check());
  }

  static forRoot(options: MessagingOptions): DynamicModule {
    const shared = [Requester, OperationLog, JobOutputs];
    const stored = options.database ? [Outbox, Inbox] : [];
    return {
      module: MessagingModule,
      global: true,
      providers: [
        { provide: SERVICE, useValue: options.service },
        { provide: INBOX_PREFIX, useValue: inboxPrefix(options.nats.user) },
        { provide: NATS, useFactory: () => connectNats({ ...options.nats, name: options.service }) },
        { provide: NatsLink, useFactory: (nats: NatsConnection) => new NatsLink(nats), inject: [NATS] },
        DeadLetters,
        JetStreamTransport,
        RequestTransport,
        ...shared,
        ...stored,
        ...(options.database ? [OutboxTable, OutboxRelay] : []),
      ],
      exports: [NATS, SERVICE, NatsLink, ...shared, ...stored],
    };
  }

  /** The transports are closed by now: what their last handlers committed is published, then the connection ends. */
  async onApplicationShutdown(): Promise<void> {
    await this.relay?.stop();
    if (!this.nats.isClosed()) await this.nats.drain();
  }
}
