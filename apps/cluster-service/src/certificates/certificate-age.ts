import type { Validity } from './served-certificate';

const share = ({ notBefore, notAfter }: Validity, now: Date): number =>
  (now.getTime() - notBefore.getTime()) / (notAfter.getTime() - notBefore.getTime());

/** A certificate is due for renewal after two thirds of its life. */
export const isDue = (validity: Validity, now: Date): boolean => share(validity, now) >= 2 / 3;

/** A certificate is expiring after five sixths of its life: half of the time for its renewal has passed without one. */
export const isExpiring = (validity: Validity, now: Date): boolean => share(validity, now) >= 5 / 6;

const between = (least: number, value: number, most: number) => Math.min(Math.max(value, least), most);

/** How often to check certificates of this lifetime. */
export const checkEveryMs = (lifetimeSeconds: number): number =>
  between(2_000, lifetimeSeconds * 10, 3_600_000);

/** How long to wait after a failed renewal. */
export const retryAfterMs = (lifetimeSeconds: number): number =>
  between(5_000, lifetimeSeconds * 20, 6 * 3_600_000);
