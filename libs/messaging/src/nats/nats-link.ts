import { Logger } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** A publish is given up after this long. */
export const publishTimeoutMs = 3_000;

/** Whether the connection to NATS is up now, and who wants to know when it goes and comes back. */
export class NatsLink {
  private readonly logger = new Logger('Nats');
  private readonly upListeners = new Set<() => void>();
  private readonly downListeners = new Set<() => void>();
  private up = true;

  constructor(readonly nats: NatsConnection) {
    void this.watch();
  }

  isUp(): boolean {
    return this.up && !this.nats.isClosed();
  }

  /** Calls back each time the connection is back after it was lost; returns how to stop that. */
  onUp(listener: () => void): () => void {
    this.upListeners.add(listener);
    return () => this.upListeners.delete(listener);
  }

  /**
   * Stores a message in its stream; one with an id that came within 10 minutes is stored once. Rejects as soon as the connection is
   * lost: what was on its way then may or may not have arrived, and is to be published again with the same id.
   */
  async publish(subject: string, payload: string, id: string): Promise<void> {
    if (!this.isUp()) throw new Error('there is no connection to NATS');
    let unlisten = () => {};
    const lost = new Promise<never>((_, reject) => {
      const listener = () => reject(new Error('the connection to NATS was lost'));
      this.downListeners.add(listener);
      unlisten = () => this.downListeners.delete(listener);
    });
    try {
      const options = { msgID: id, timeout: publishTimeoutMs };
      await Promise.race([jetstream(this.nats).publish(subject, payload, options), lost]);
    } finally {
      unlisten();
    }
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
        if (this.up) this.logger.warn(`Connection to ${status.server} lost, reconnecting`);
        this.up = false;
        for (const listener of [...this.downListeners]) listener();
      } else if (status.type === 'reconnect') {
        this.up = true;
        this.logger.log(`Connected to ${status.server} again`);
        for (const listener of [...this.upListeners]) listener();
      } else if (status.type === 'error') {
        this.logger.error(`Refused by the server: ${status.error.message}`);
      }
    }
    this.up = false;
  }
}
