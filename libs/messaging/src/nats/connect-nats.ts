import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';

/** How to reach NATS. `servers` is one URL or a comma-separated list; with `caFile` the connection is TLS and the server is verified. */
export interface NatsOptions {
  readonly servers: string;
  readonly user?: string;
  readonly password?: string;
  readonly caFile?: string;
  /** Shown in the server's connection list. */
  readonly name: string;
}

const logger = new Logger('Nats');

const retryMs = 1_000;

/** A user may listen on its own inboxes only, so that nobody reads the answers that another gets. */
export const inboxPrefix = (user?: string): string => (user === undefined ? '_INBOX' : `_INBOX_${user}`);

const connectionOptions = (options: NatsOptions): NodeConnectionOptions => ({
  servers: options.servers.split(',').map((server) => server.trim()),
  name: options.name,
  ...(options.user !== undefined && {
    user: options.user,
    pass: options.password,
    inboxPrefix: inboxPrefix(options.user),
  }),
  ...(options.caFile !== undefined && { tls: { ca: readFileSync(options.caFile, 'utf8') } }),
  // A restarted server is found again for as long as this process lives, also when it comes back with other credentials first.
  maxReconnectAttempts: -1,
  ignoreAuthErrorAbort: true,
  reconnectTimeWait: 200,
  reconnectJitter: 100,
  reconnectJitterTLS: 200,
  // A cut network is noticed after 3 unanswered pings.
  pingInterval: 5_000,
  maxPingOut: 2,
  timeout: 5_000,
});

/** Connects, and stays connected for ever. A server that is not there yet is waited for, and said so. */
export const connectNats = async (options: NatsOptions): Promise<NatsConnection> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await connect(connectionOptions(options));
    } catch (error) {
      if (attempt % 10 === 0)
        logger.warn(`Waiting for NATS at ${options.servers}: ${(error as Error).message}`);
      await pause(retryMs);
    }
  }
};
