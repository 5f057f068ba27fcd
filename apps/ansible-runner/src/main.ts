import { startService } from '@pgfleet/messaging';
import { AppModule } from './app.module';
import { readConfig } from './config';

const start = async (): Promise<void> => {
  const config = readConfig();
  await startService(AppModule.forRoot(config), {
    service: 'ansible-runner',
    httpPort: config.PGFLEET_HTTP_PORT,
  });
};

start().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
