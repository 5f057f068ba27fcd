import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** How a service starts TLS: at once, after PostgreSQL's SSLRequest, or after NATS has sent its INFO. */
export type TlsStart = 'tls' | 'postgres' | 'nats';

/** A service that serves a certificate, and its address. */
export interface CertificatePlace {
  readonly machine: string;
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly start: TlsStart;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const withinMs = 5_000;
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Brings the connection to the point where TLS starts. */
const begin = async (socket: Socket, start: TlsStart): Promise<void> => {
  if (start === 'tls') return;
  if (start === 'postgres') socket.write(sslRequest);
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve).once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed before TLS')));
  });
  // What follows is TLS, which another reader handles.
  socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close').pause();
  if (start === 'postgres' && answer[0] !== 0x53) throw new Error('it serves no TLS');
};

/**
 * Reads the validity of the certificate that a service serves to a new connection. Clients verify that one; a renewed file that
 * the service has not loaded yet does not count. The certificate itself is not verified, because nothing is sent.
 */
export const servedCertificate = async ({ address, port, start }: CertificatePlace): Promise<Validity> => {
  const socket = connectTcp({ host: address, port });
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${withinMs} ms`)), withinMs);
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    await begin(socket, start);
    const secure = connectTls({ socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve).once('error', reject);
      secure.once('close', () => reject(new Error('the connection was closed during TLS')));
    });
    const { valid_from: from, valid_to: to } = secure.getPeerCertificate();
    secure.on('error', () => undefined).destroy();
    return { notBefore: new Date(from), notAfter: new Date(to) };
  } finally {
    clearTimeout(timer);
    socket.on('error', () => undefined).destroy();
  }
};
