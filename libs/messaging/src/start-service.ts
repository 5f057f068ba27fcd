import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createLogger } from '@pgfleet/observability';
import type { ServiceName } from '@pgfleet/contracts';
import { RequestTransport } from './requests/request-transport';
import { JetStreamTransport } from './transport/jetstream-transport';

export interface StartOptions {
  readonly service: ServiceName;
  readonly httpPort: number;
  /** Called before anything listens, e.g. to add HTTP middleware. */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
}

/**
 * Starts a service: waits for the database and NATS, answers HTTP (health, metrics, what the module adds) and requests, takes
 * events and work. SIGTERM and SIGINT end it gracefully: handlers come to their end, what they committed is published.
 */
export const startService = async (
  module: Type | DynamicModule,
  { service, httpPort, configure }: StartOptions,
): Promise<INestApplication> => {
  const app = await NestFactory.create(module, {
    logger: createLogger(service),
    forceCloseConnections: true,
    abortOnError: false,
  });
  try {
    app.connectMicroservice({ strategy: app.get(RequestTransport, { strict: false }) });
    app.connectMicroservice({ strategy: app.get(JetStreamTransport, { strict: false }) });
    await configure?.(app);
    app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
    await app.listen(httpPort);
    await app.startAllMicroservices();
    return app;
  } catch (error) {
    // What was opened already would keep the process alive.
    await app.close();
    throw error;
  }
};
