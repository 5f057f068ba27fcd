import { randomInt } from 'node:crypto';
import { ensureHostPackages } from '../host-packages';
import { ensureImage } from '../image';
import { labSettings, type LabSettings } from '../settings';
import { stopLab } from '../stop-lab';

/** A separate lab for a test: a name and a subnet that no other lab of this host is likely to have, and the shared image. */
export async function testLab(): Promise<LabSettings> {
  const lab = `t${randomInt(36 ** 5).toString(36)}`;
  const subnet = `10.${randomInt(100, 200)}.${randomInt(256)}.0/24`;
  const settings = labSettings({
    PGFLEET_LAB: lab,
    PGFLEET_SUBNET: subnet,
    PGFLEET_CACHE: process.env.PGFLEET_CACHE ?? '/var/cache/pgfleet',
  });
  await ensureHostPackages();
  await ensureImage(settings);
  return settings;
}

/** Ends a test's lab, even one that broke half-way. */
export function endTestLab(settings: LabSettings): Promise<void> {
  return stopLab(settings);
}
