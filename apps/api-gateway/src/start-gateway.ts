import type { INestApplication } from '@nestjs/common';
import { startService } from '@pgfleet/messaging';
import { AppModule } from './app.module';
import type { Config } from './config';
import { configureHttp } from './http/configure-http';

export const startGateway = (config: Config): Promise<INestApplication> =>
  startService(AppModule.with(config), {
    service: 'api-gateway',
    httpPort: config.PGFLEET_HTTP_PORT,
    configure: (app) => configureHttp(app, config.PGFLEET_API_TOKEN_FILE),
  });
