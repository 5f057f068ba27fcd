import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { listWalSights, isNotFound, type WalSight } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { showArchives } from './archive-metrics';
import { ArchiveRecords } from './archive-records';

const everyMs = 5_000;
const timeoutMs = 3_000;

/** Polls the WAL of every cluster. Every replica of this service polls, but each change is published only once. */
@Injectable()
export class ArchiveWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('ArchiveWatch');
  private readonly stop = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(
    private readonly requester: Requester,
    private readonly records: ArchiveRecords,
  ) {}

  onApplicationBootstrap(): void {
    this.loop = this.run();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.loop;
  }

  /** Looks at one cluster now. Returns null when cluster-service does not answer; throws a 404 when the cluster does not exist. */
  async look(clusterId: string): Promise<WalSight | null> {
    try {
      const [sight] = await this.requester.ask(listWalSights, { clusterId }, { timeoutMs });
      if (sight) await this.records.take(sight);
      return sight ?? null;
    } catch (error) {
      if (isNotFound(error)) throw error;
      this.logger.warn(`The WAL of ${clusterId} could not be asked for: ${String(error)}`);
      return null;
    }
  }

  private async run(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      try {
        const sights = await this.requester.ask(listWalSights, {}, { timeoutMs });
        showArchives(sights);
        for (const sight of sights) await this.records.take(sight);
      } catch (error) {
        this.logger.warn(`The WAL of the clusters could not be taken in: ${String(error)}`);
      }
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
