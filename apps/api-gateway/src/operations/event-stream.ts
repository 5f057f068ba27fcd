import { once } from 'node:events';
import type { Response } from 'express';

const reconnectMs = 2_000;

/** One response of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStream {
  private readonly gone = new AbortController();

  constructor(private readonly response: Response) {
    response.once('close', () => this.gone.abort());
    response.status(200);
    response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    // Tells proxies not to buffer.
    response.setHeader('X-Accel-Buffering', 'no');
    response.flushHeaders();
    response.write(`retry: ${reconnectMs}\n\n`);
  }

  /** Aborted when the reader disconnects. */
  get closed(): AbortSignal {
    return this.gone.signal;
  }

  /** Resolves when the reader can take more; at once if the reader is gone. */
  async send(event: string, data: unknown, id?: number): Promise<void> {
    if (this.closed.aborted) return;
    const text = `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    if (this.response.write(text)) return;
    await once(this.response, 'drain', { signal: this.closed }).catch(() => undefined);
  }

  /** Detects a lost reader, and keeps proxies from closing an idle connection. */
  heartbeat(): void {
    if (!this.closed.aborted && !this.response.writableNeedDrain) this.response.write(': still here\n\n');
  }

  end(): void {
    this.response.end();
  }
}
