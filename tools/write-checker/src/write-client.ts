import { setTimeout as pause } from 'node:timers/promises';
import { Connection, type ConnectionSettings } from './connection';
import type { Journal, WriteError } from './journal';
import { isRefusal } from './refusal';
import { insertRow } from './write-table';

export interface WriteClientSettings extends ConnectionSettings {
  readonly connect: 'once' | 'every-write';
  readonly pauseMs: number;
}

/** A server that refuses connections does so at once: without a pause a client would retry in a tight loop. */
const leastPauseAfterError = 10;

/** Writes numbered rows one after the other. Sending a number uses it up, whatever the outcome. */
export class WriteClient {
  private connection: Connection | undefined;

  constructor(
    private readonly client: number,
    private readonly settings: WriteClientSettings,
    private readonly journal: Journal,
  ) {}

  /** Writes until it is told to stop; resolves once its last write has ended. */
  async writeUntil(stop: AbortSignal): Promise<void> {
    for (let row = 1; !stop.aborted;) {
      const connection = await this.connected();
      const went = connection ? await this.write(connection, row++) : false;
      await pause(went ? this.settings.pauseMs : Math.max(this.settings.pauseMs, leastPauseAfterError));
    }
    await this.disconnect();
  }

  private async connected(): Promise<Connection | undefined> {
    const lost = this.connection?.lostBecause;
    if (lost) {
      this.journal.disconnects++;
      this.report('idle', lost);
      await this.disconnect();
    }
    try {
      return (this.connection ??= await Connection.open(this.settings));
    } catch (error) {
      this.report('connecting', error);
      return undefined;
    }
  }

  /** Returns whether the write was acknowledged. */
  private async write(connection: Connection, row: number): Promise<boolean> {
    const sentAt = Date.now();
    const attempt = () => ({ client: this.client, row, sentAt, at: Date.now() });
    try {
      const [written] = await connection.query<{ server: string; timeline: string }>(insertRow, [
        this.client,
        row,
      ]);
      this.journal.log.push({ ...attempt(), outcome: 'acknowledged', ...written! });
      if (this.settings.connect === 'every-write') await this.disconnect();
      return true;
    } catch (error) {
      const outcome = isRefusal(error) ? 'refused' : 'unknown';
      this.journal.log.push({ ...attempt(), outcome, message: messageOf(error) });
      if (outcome === 'unknown') this.journal.disconnects++;
      this.report('writing', error);
      await this.disconnect();
      return false;
    }
  }

  private async disconnect(): Promise<void> {
    await this.connection?.close();
    this.connection = undefined;
  }

  private report(during: WriteError['during'], error: unknown): void {
    this.journal.errors.push({ client: this.client, at: Date.now(), during, message: messageOf(error) });
  }
}

/** Node.js throws an error without a message when none of a name's addresses answers. */
const messageOf = (error: unknown): string =>
  error instanceof Error
    ? error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
    : String(error);
