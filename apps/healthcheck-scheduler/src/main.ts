import 'reflect-metadata';
import { startService } from '@pgfleet/messaging';
import { runProgram } from '@pgfleet/observability';
import { AppModule } from './app.module';
import { readConfig } from './config';

runProgram(async () => {
  const config = readConfig();
  await startService(AppModule.with(config), {
    service: 'healthcheck-scheduler',
    httpPort: config.PGFLEET_HTTP_PORT,
  });
});
