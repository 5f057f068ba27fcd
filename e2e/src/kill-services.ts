import { storeMachine } from './faulty-cluster';
import type { TestPlatform } from './platform';

const storeServices = 'haproxy swift-proxy swift-object swift-container swift-account memcached';

/** Like `kill -9`: nothing is reported, nothing is flushed. systemd restarts the services. */
export const killServices = (platform: TestPlatform, ...services: string[]): Promise<string> =>
  platform.on(
    'control1',
    services.map((name) => `systemctl kill -s KILL --kill-whom=main pgfleet-${name} || true`).join('; '),
  );

/** Like `kill -9` on all processes of the object store. It stays away until it is started; meanwhile connections are refused. */
export const killStore = ({ on }: TestPlatform): Promise<string> =>
  on(storeMachine, `systemctl kill -s KILL ${storeServices} || true; systemctl stop ${storeServices}`);

export const startStore = ({ on }: TestPlatform): Promise<string> =>
  on(storeMachine, `systemctl start ${storeServices}`);
