import { parseArgs } from 'node:util';
import { labSettings } from '@pgfleet/lab';
import { followEvents } from './follow-events';
import { savedAccess } from './platform-access';

/**
 * Prints each event as a JSON line on standard output until Ctrl-C. Reports on standard error when it is listening: every later
 * event is printed.
 */
export async function printEvents(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { all: { type: 'boolean' }, subject: { type: 'string', default: 'events.>' } },
  });
  const { nats } = savedAccess(labSettings());
  const { subject } = values;
  const { stop } = await followEvents(nats, { from: values.all ? 'all' : 'new', subject }, (event) =>
    process.stdout.write(`${JSON.stringify(event)}\n`),
  );
  process.stderr.write(`listening to ${subject} on ${nats.url}; Ctrl-C ends it\n`);
  await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  await stop();
}
