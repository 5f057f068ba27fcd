import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { platformAlarmEnded, platformAlarmRaised } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Outside } from '@pgfleet/observability';
import { rows } from '@pgfleet/persistence';
import type { Etcd3 } from 'etcd3';
import { Gauge } from 'prom-client';
import { DataSource } from 'typeorm';
import { ETCD } from './etcd-connection';

const alarmed = new Gauge({
  name: 'pgfleet_etcd_alarm',
  help: '1 while etcd has the alarm: with NOSPACE it refuses every write.',
  labelNames: ['alarm'],
});
const databaseBytes = new Gauge({
  name: 'pgfleet_etcd_database_bytes',
  help: "Size of etcd's database, of the member that was asked.",
});

const everyMs = 30_000;

/** Checks whether etcd has raised an alarm and publishes it once, however many replicas of the service check. */
@Injectable()
export class EtcdAlarmWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('etcd alarms');
  private readonly outside = new Outside('etcd-maintenance', { timeoutMs: 5_000 });
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(
    @Inject(ETCD) private readonly etcd: Etcd3,
    private readonly database: DataSource,
    private readonly outbox: Outbox,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.looking = this.look().catch((error: Error) =>
        this.logger.warn(`Could not ask etcd for its alarms: ${error.message}`),
      );
    }, everyMs);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  async look(): Promise<void> {
    const { alarms } = await this.outside.call('alarms', () =>
      this.etcd.maintenance.alarm({ action: 'Get' }),
    );
    const { dbSize } = await this.outside.call('status', () => this.etcd.maintenance.status());
    databaseBytes.set(Number(dbSize));
    const names = [...new Set(alarms.map(({ alarm }) => String(alarm).toUpperCase()))];
    for (const known of ['NOSPACE', 'CORRUPT']) alarmed.set({ alarm: known }, names.includes(known) ? 1 : 0);
    await this.database.transaction(async (tx) => {
      const raised = await rows<{ alarm: string }>(
        tx,
        'insert into etcd_alarms select unnest($1::text[]) on conflict do nothing returning alarm',
        [names],
      );
      const ended = await rows<{ alarm: string }>(
        tx,
        'delete from etcd_alarms where not alarm = any($1) returning alarm',
        [names],
      );
      for (const { alarm } of raised)
        await this.outbox.publish(tx, platformAlarmRaised, 'etcd', { service: 'etcd', alarm });
      for (const { alarm } of ended)
        await this.outbox.publish(tx, platformAlarmEnded, 'etcd', { service: 'etcd', alarm });
    });
  }
}
