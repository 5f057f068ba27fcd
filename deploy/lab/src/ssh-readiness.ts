import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves true when an SSH server greets at `address`, or false when `stop` says so first. */
export async function sshAccepts(address: string, stop: () => boolean): Promise<boolean> {
  while (!stop()) {
    if (await greets(address)) return true;
    await delay(15);
  }
  return false;
}

function greets(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('end', () => end(false));
    socket.once('data', (greeting) => end(greeting.toString('latin1').startsWith('SSH-')));
  });
}
