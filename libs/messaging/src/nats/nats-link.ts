import { Logger } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';

/** Whether the connection to NATS is up now, and who wants to know when it comes back. */
export class NatsLink {
  private readonly logger = new Logger('Nats');
  private readonly listeners = new Set<() => void>();
  private up = true;

  constructor(readonly nats: NatsConnection) {
    void this.watch();
  }

  isUp(): boolean {
    return this.up && !this.nats.isClosed();
  }

  /** Calls back each time the connection is back after it was lost; returns how to stop that. */
  onUp(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Resolves at once when up, else when the connection is back or `signal` is aborted. */
  async untilUp(signal: AbortSignal): Promise<void> {
    if (this.isUp() || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        stop();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const stop = this.onUp(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  private async watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === 'disconnect') {
        this.up = false;
        this.logger.warn(`Connection to ${status.server} lost, reconnecting`);
      } else if (status.type === 'reconnect') {
        this.up = true;
        this.logger.log(`Connected to ${status.server} again`);
        for (const listener of [...this.listeners]) listener();
      } else if (status.type === 'error') {
        this.logger.error(`Refused by the server: ${status.error.message}`);
      }
    }
    this.up = false;
  }
}
