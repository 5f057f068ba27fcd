import { ensureImage, labSettings } from '@pgfleet/lab';

/**
 * The root file system with the servers: the lab's node image, so that specs use the versions that machines run. It is built when
 * it does not exist. `PGFLEET_IMAGE_DIR` names another one.
 */
export const serversRoot = async (): Promise<string> =>
  process.env.PGFLEET_IMAGE_DIR || (await ensureImage(labSettings())).dir;
