import { labSettings } from '@pgfleet/lab';
import { bringUp } from '@pgfleet/platform';

/** One platform for all specs, in the lab that the environment names. Whoever runs the specs stops the lab. */
export default async function setup(): Promise<void> {
  await bringUp(labSettings());
}
