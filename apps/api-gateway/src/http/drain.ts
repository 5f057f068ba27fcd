import type { Server } from 'node:http';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { RequestHandler } from 'express';

const drainMs = 10_000;

/** On SIGTERM: takes no more connections, lets running requests come to their end, and only then the rest is taken down. */
@Injectable()
export class Drain implements BeforeApplicationShutdown {
  private readonly logger = new Logger('Drain');
  private running = 0;
  private draining = false;
  private idle: () => void = () => undefined;

  constructor(private readonly adapter: HttpAdapterHost) {}

  /** Middleware: counts what is running. While draining, a kept-alive connection ends with its answer. */
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
    this.logger.log(`Waits for ${this.running} requests to end`);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => (this.idle = resolve)),
      new Promise<void>((resolve) => (timer = setTimeout(resolve, drainMs))),
    ]);
    clearTimeout(timer);
  }
}
