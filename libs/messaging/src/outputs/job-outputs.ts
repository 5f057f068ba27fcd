import { isUtf8 } from 'node:buffer';
import { Inject, Injectable } from '@nestjs/common';
import { jetstream, JetStreamApiError } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import type { NatsConnection } from '@nats-io/transport-node';
import { jobOutputs, type JobResult } from '@pgfleet/contracts';
import { NATS } from '../tokens';

/** Up to this size the output is part of `job.finished`. */
const inlineBytes = 64 * 1024;
const readTimeoutMs = 30_000;
const noMessage = 10_037;

export type KeptOutput = Pick<JobResult, 'output' | 'outputObject'>;

/** The output of a job is not in the store any more, or not whole. Asking again does not bring it back. */
export class OutputLost extends Error {
  constructor(name: string, reason: string) {
    super(`The output of the job, ${name} in the object store ${jobOutputs.name}, cannot be read: ${reason}`);
    this.name = 'OutputLost';
  }
}

/** What jobs printed, as bytes: short text inside the result, anything else in an object store of its own. */
@Injectable()
export class JobOutputs {
  private opened: Promise<ObjectStore> | undefined;

  constructor(@Inject(NATS) private readonly nats: NatsConnection) {}

  /** Stores what does not fit into the result. `name` must be new. */
  async keep(name: string, bytes: Buffer): Promise<KeptOutput> {
    if (bytes.length <= inlineBytes && isUtf8(bytes)) return { output: bytes.toString('utf8') };
    await (await this.store()).putBlob({ name }, bytes);
    return { output: null, outputObject: { name, bytes: bytes.length } };
  }

  /**
   * The whole output; null when the job captured none.
   * @throws OutputLost when it is gone, any other error while NATS does not answer
   */
  async read({ output, outputObject }: KeptOutput): Promise<Buffer | null> {
    if (!outputObject) return output === null ? null : Buffer.from(output);
    const { name, bytes } = outputObject;
    const found = await this.fetch(name);
    if (!found) throw new OutputLost(name, 'it is not there; outputs are kept for a day');
    if (found.length !== bytes) throw new OutputLost(name, `${found.length} of ${bytes} bytes are there`);
    return Buffer.from(found);
  }

  /** The library waits for ever for the pieces of an object whose first ones have made room for others. */
  private async fetch(name: string): Promise<Uint8Array | null> {
    const store = await this.store();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new OutputLost(name, `not all of it came within ${readTimeoutMs / 1000} s`);
      timer = setTimeout(() => reject(error), readTimeoutMs);
    });
    try {
      return await Promise.race([store.getBlob(name), late]);
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === noMessage) return null;
      if (error instanceof Error && error.message.includes('corrupt'))
        throw new OutputLost(name, 'pieces of it are missing');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private store(): Promise<ObjectStore> {
    this.opened ??= new Objm(jetstream(this.nats, { timeout: 5000 })).open(jobOutputs.name, false);
    this.opened.catch(() => (this.opened = undefined));
    return this.opened;
  }
}
