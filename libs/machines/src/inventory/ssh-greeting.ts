import { connect } from 'node:net';

/** Whether an SSH server at `address` sends its greeting before `signal` fires. */
export function sshGreets(address: string, signal: AbortSignal, port = 22): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (answer: boolean) => {
      socket.destroy();
      signal.removeEventListener('abort', giveUp);
      resolve(answer);
    };
    const giveUp = () => end(false);
    signal.addEventListener('abort', giveUp);
    socket.once('error', giveUp);
    socket.once('end', giveUp);
    socket.once('data', (greeting) => end(greeting.toString('latin1').startsWith('SSH-')));
  });
}
