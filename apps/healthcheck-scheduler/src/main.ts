import 'reflect-metadata';
import { startService } from '@pgfleet/messaging';
import { AppModule } from './app.module';
import { readConfig } from './config';

async function main(): Promise<void> {
  const config = readConfig();
  await startService(AppModule.with(config), {
    service: 'healthcheck-scheduler',
    httpPort: config.PGFLEET_HTTP_PORT,
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
