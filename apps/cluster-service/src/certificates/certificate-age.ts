import type { Validity } from './served-certificate';

const share = ({ notBefore, notAfter }: Validity, now: Date): number =>
  (now.getTime() - notBefore.getTime()) / (notAfter.getTime() - notBefore.getTime());

/** A certificate is renewed after two thirds of its life. */
export const isDue = (validity: Validity, now: Date): boolean => share(validity, now) >= 2 / 3;

/** Its renewal has had half of the time that there is for it, and has not happened. */
export const isExpiring = (validity: Validity, now: Date): boolean => share(validity, now) >= 5 / 6;

const between = (least: number, value: number, most: number) => Math.min(Math.max(value, least), most);

/** How often certificates of this lifetime are looked at. */
export const checkEveryMs = (lifetimeSeconds: number): number =>
  between(2_000, lifetimeSeconds * 10, 3_600_000);

/** How long a renewal that failed is left alone. */
export const retryAfterMs = (lifetimeSeconds: number): number =>
  between(5_000, lifetimeSeconds * 20, 6 * 3_600_000);
