import { join } from 'node:path';

/** The root of this repository; compiled files live in `deploy/platform/dist`. Specs run from `deploy/platform/src`: as deep. */
export const repository = join(__dirname, '..', '..', '..');
