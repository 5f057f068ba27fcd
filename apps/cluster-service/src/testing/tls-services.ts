import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { runInImage, serversRoot } from '@pgfleet/integration';
import type { CertificatePlace } from '../certificates/served-certificate';

const program = `
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "n1")])
now = datetime.datetime.now(datetime.timezone.utc)
moment = lambda text: now + datetime.timedelta(seconds=int(text))
certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
  .serial_number(x509.random_serial_number()).not_valid_before(moment(sys.argv[1])).not_valid_after(moment(sys.argv[2])).sign(key, hashes.SHA256()))
print(certificate.public_bytes(s.Encoding.PEM).decode() + key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode())
`;

/** A certificate with its key, valid from and until so many seconds from now. */
export const issueCertificate = async (fromSeconds: number, untilSeconds: number): Promise<string> => {
  const data = mkdtempSync(join(tmpdir(), 'pgfleet-certificate-'));
  try {
    const argv = ['python3', '-c', program, String(fromSeconds), String(untilSeconds)];
    const ran = await runInImage({ root: await serversRoot(), data, user: 'root', argv });
    if (ran.exitCode !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
};

/** Serves a certificate like the services of a node, and a different one on demand. */
export class TlsServices {
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private context: SecureContext;

  private constructor(pem: string) {
    this.context = createSecureContext({ cert: pem, key: pem });
  }

  static async start(places: CertificatePlace[], pem: string): Promise<TlsServices> {
    const services = new TlsServices(pem);
    for (const { address, port, start } of places) {
      const server = createServer((socket) => {
        services.sockets.add(socket.on('error', () => undefined));
        const secure = () =>
          new TLSSocket(socket, { isServer: true, secureContext: services.context }).on(
            'error',
            () => undefined,
          );
        if (start === 'tls') return secure();
        return socket.once('data', () => {
          socket.pause();
          socket.write('S', secure);
        });
      }).listen(port, address);
      await once(server, 'listening');
      services.servers.push(server);
    }
    return services;
  }

  serve(pem: string): void {
    this.context = createSecureContext({ cert: pem, key: pem });
  }

  stop(): void {
    for (const server of this.servers) server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
