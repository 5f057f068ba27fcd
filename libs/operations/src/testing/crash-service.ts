import 'reflect-metadata';
import type { ServiceName } from '@pgfleet/contracts';
import { startService } from '@pgfleet/messaging';
import { DataSource } from 'typeorm';
import { CrashPoints, StopList } from './crash-points';
import { ListenerController } from './listener.controller';
import { specService } from './spec-service';
import { WalkProgram } from './walk.program';

const crashPoints = {
  provide: CrashPoints,
  useFactory: (database: DataSource) => new CrashPoints(database, new StopList(process.env.STOPS!)),
  inject: [DataSource],
};

/** A service that a spec runs as a process of its own, to kill and freeze it. */
const main = async (): Promise<void> => {
  const service = process.env.SERVICE as ServiceName;
  await startService(
    specService({
      service,
      nats: process.env.NATS!,
      url: process.env.DATABASE!,
      schema: process.env.SCHEMA!,
      programs: [WalkProgram],
      providers: [crashPoints],
      controllers: [ListenerController],
    }),
    { service, httpPort: 0, configure: (app) => app.get(CrashPoints).place(app) },
  );
};

void main();
