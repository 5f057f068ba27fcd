import type { Server } from 'node:http';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { RequestHandler } from 'express';

const drainMs = 10_000;

/** On SIGTERM: accepts no more connections and lets running requests finish. Only then the rest shuts down. */
@Injectable()
export class Drain implements BeforeApplicationShutdown {
  private readonly logger = new Logger('Drain');
  private running = 0;
  private draining = false;
  private idle: () => void = () => undefined;

  constructor(private readonly adapter: HttpAdapterHost) {}

  /** Middleware that counts running requests. While draining, it closes kept-alive connections after the response. */
  readonly count: RequestHandler = (_request, response, next) => {
    this.running += 1;
    if (this.draining) response.setHeader('Connection', 'close');
    response.once('close', () => {
      this.running -= 1;
      if (this.running === 0) this.idle();
    });
    next();
  };

  async beforeApplicationShutdown(): Promise<void> {
    this.draining = true;
    const server = this.adapter.httpAdapter.getHttpServer() as Server;
    if (!server.listening) return;
    server.close();
    server.closeIdleConnections();
    if (this.running === 0) return;
    this.logger.log(`Waiting for ${this.running} requests to finish`);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => (this.idle = resolve)),
      new Promise<void>((resolve) => (timer = setTimeout(resolve, drainMs))),
    ]);
    clearTimeout(timer);
  }
}
