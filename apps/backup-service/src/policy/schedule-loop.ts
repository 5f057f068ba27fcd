import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DueDrills } from '../drills/due-drills';
import { DueBackups } from './due-backups';
import { DueLineages } from './due-lineages';

const everyMs = 5_000;

/** Checks in a loop for what is due, in every replica of this service. */
@Injectable()
export class ScheduleLoop implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('ScheduleLoop');
  private readonly stop = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(
    private readonly backups: DueBackups,
    private readonly drills: DueDrills,
    private readonly lineages: DueLineages,
  ) {}

  onApplicationBootstrap(): void {
    this.loop = this.run();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      for (const due of [this.backups, this.drills, this.lineages])
        await due
          .decide()
          .catch((error: unknown) =>
            this.logger.warn(`It could not be looked what is due: ${String(error)}`),
          );
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
