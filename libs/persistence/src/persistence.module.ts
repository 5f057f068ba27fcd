import { type DynamicModule, Module, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { Readiness } from '@pgfleet/observability';
import { DataSource } from 'typeorm';
import { openDatabase } from './open-database';
import type { PersistenceOptions } from './persistence-options';

/** Provides the service's open `DataSource` (inject the class), and closes it after everything that uses it has stopped. */
@Module({})
export class PersistenceModule implements OnApplicationShutdown {
  constructor(
    private readonly dataSource: DataSource,
    @Optional() readiness?: Readiness,
  ) {
    readiness?.register('database', async () => {
      await dataSource.query('SELECT 1');
    });
  }

  static forRoot(options: PersistenceOptions): DynamicModule {
    return {
      module: PersistenceModule,
      global: true,
      providers: [{ provide: DataSource, useFactory: () => openDatabase(options) }],
      exports: [DataSource],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}
