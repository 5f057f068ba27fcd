import { storeMachine } from './faulty-cluster';
import type { TestPlatform } from './platform';

const storeServices = 'haproxy swift-proxy swift-object swift-container swift-account memcached';

/** As `kill -9` does: nothing is told, nothing is flushed. systemd starts them again. */
export const killServices = (platform: TestPlatform, ...services: string[]): Promise<string> =>
  platform.on(
    'control1',
    services.map((name) => `systemctl kill -s KILL --kill-whom=main pgfleet-${name} || true`).join('; '),
  );

/** As `kill -9` of all that the object store consists of; it stays away until it is started. Connections to it are refused meanwhile. */
export const killStore = ({ on }: TestPlatform): Promise<string> =>
  on(storeMachine, `systemctl kill -s KILL ${storeServices} || true; systemctl stop ${storeServices}`);

export const startStore = ({ on }: TestPlatform): Promise<string> =>
  on(storeMachine, `systemctl start ${storeServices}`);
