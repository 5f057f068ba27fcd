import type { TestPlatform } from './platform';

/** As `kill -9` does: nothing is told, nothing is flushed. systemd starts them again. */
export const killServices = (platform: TestPlatform, ...services: string[]): Promise<string> =>
  platform.on(
    'control1',
    services.map((name) => `systemctl kill -s KILL --kill-whom=main pgfleet-${name} || true`).join('; '),
  );
