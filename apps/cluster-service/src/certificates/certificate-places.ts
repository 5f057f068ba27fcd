import type { MachineEntity } from '../persistence/cluster.entity';
import type { CertificatePlace } from './served-certificate';

/** The services of a node and where each serves its certificate. The load balancer passes TLS through. */
export const placesOfNode = ({
  name,
  address,
}: Pick<MachineEntity, 'name' | 'address'>): CertificatePlace[] => [
  { machine: name, service: 'postgresql', address, port: 5432, start: 'postgres' },
  { machine: name, service: 'pgbouncer', address, port: 6432, start: 'postgres' },
  { machine: name, service: 'pgbouncer-local', address, port: 6433, start: 'postgres' },
  { machine: name, service: 'backup-server', address, port: 8432, start: 'tls' },
];

export interface PlatformUrls {
  readonly etcd: readonly string[];
  /** Comma-separated. */
  readonly nats: string;
  readonly database: string;
  readonly objectStore: string;
}

const place = (
  service: string,
  url: string,
  port: number,
  start: CertificatePlace['start'],
): CertificatePlace[] => {
  if (!URL.canParse(url)) return [];
  const { hostname, port: given } = new URL(url);
  return [{ machine: hostname, service, address: hostname, port: Number(given) || port, start }];
};

/** The platform's services that serve TLS. A service configured without TLS has no certificate to watch. */
export const placesOfPlatform = (urls: PlatformUrls): CertificatePlace[] => [
  ...urls.etcd.filter((url) => url.startsWith('https:')).flatMap((url) => place('etcd', url, 2379, 'tls')),
  ...urls.nats
    .split(',')
    .filter((url) => url.startsWith('tls:'))
    .flatMap((url) => place('nats', url, 4222, 'nats')),
  ...place('management-database', urls.database, 5432, 'postgres'),
  ...(urls.objectStore.startsWith('http:') ? [] : place('object-store', urls.objectStore, 443, 'tls')),
];
