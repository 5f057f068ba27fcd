import { type IncomingMessage, request } from 'node:http';
import { token } from './gateway-platform';

export interface ServerSentEvent {
  readonly id?: string;
  readonly event?: string;
  readonly data: unknown;
}

/** Reads server-sent events one at a time, on demand. In between it reads nothing from the socket. */
export class EventReader {
  private text = '';
  private readonly chunks: AsyncIterator<Buffer>;

  private constructor(private readonly response: IncomingMessage) {
    this.chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  static open(url: string, headers: Record<string, string>): Promise<EventReader> {
    const all = { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers };
    return new Promise((resolve, reject) => {
      const sent = request(url, { headers: all, agent: false }, (response) =>
        resolve(new EventReader(response)),
      );
      sent.on('error', reject);
      sent.end();
    });
  }

  /** The next event; null at the end. Skips comments and `retry`. */
  async next(): Promise<ServerSentEvent | null> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end < 0) {
        const { done, value } = await this.chunks.next();
        if (done) return null;
        this.text += value.toString('utf8');
        continue;
      }
      const fields = this.text
        .slice(0, end)
        .split('\n')
        .map((line) => line.split(/: (.*)/s));
      this.text = this.text.slice(end + 2);
      const { id, event, data } = Object.fromEntries(fields) as Record<string, string>;
      if (data !== undefined) return { id, event, data: JSON.parse(data) };
    }
  }

  close(): void {
    this.response.destroy();
  }
}
