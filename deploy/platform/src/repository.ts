import { join } from 'node:path';

/** The root of this repository; compiled files are in `deploy/platform/dist`. Specs run from `deploy/platform/src`, which is equally deep. */
export const repository = join(__dirname, '..', '..', '..');
