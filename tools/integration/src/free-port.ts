import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports of outgoing connections (`ip_local_port_range`, from 32768): any connection could take one of those before the
 * server that it was chosen for listens.
 */
const lowest = 20_000;
const highest = 32_767;
const tries = 100;

/** A loopback port on which nothing listens now. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < tries; tried++) {
    const port = randomInt(lowest, highest + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${tries} ports from ${lowest} to ${highest} is free`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
