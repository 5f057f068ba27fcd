import 'reflect-metadata';
import { readConfig } from './config';
import { startGateway } from './start-gateway';

const main = async (): Promise<void> => {
  await startGateway(readConfig());
};

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
