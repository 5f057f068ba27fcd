import { randomBytes } from 'node:crypto';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import type { Services } from '@pgfleet/integration';
import { startService } from '@pgfleet/messaging';
import { Etcd3 } from 'etcd3';
import { AppModule } from '../app.module';
import type { Config } from '../config';
import { CONNECT_ETCD, ETCD } from '../etcd/etcd-connection';

/**
 * The service as in production, except that etcd has no TLS and no passwords, and the spec replaces the provider. The service
 * orders no machines.
 */
export const startClusterService = (
  { nats, etcd }: Services,
  url: string,
  instead: ReadonlyMap<unknown, object> = new Map(),
  settings: Partial<Config> = {},
): Promise<INestApplication> => {
  const config: Config = {
    PGFLEET_NATS_URL: nats.url,
    PGFLEET_DATABASE_URL: url,
    PGFLEET_HTTP_PORT: 0,
    PGFLEET_LOG_LEVEL: 'error',
    PGFLEET_CLUSTERS_CA_FILE: '',
    PGFLEET_ETCD_ENDPOINTS: [etcd.url],
    PGFLEET_ETCD_USER: '',
    PGFLEET_ETCD_PASSWORD: '',
    PGFLEET_SECRET_KEY_FILE: randomBytes(32),
    PGFLEET_MACHINE_PROVIDER: 'lab',
    PGFLEET_LAB_URL: 'http://127.0.0.1:9',
    PGFLEET_LAB_TOKEN_FILE: 'none',
    PGFLEET_SSH_PUBLIC_KEY_FILE: '',
    PGFLEET_NODES_REVISION: 'r2',
    PGFLEET_CERTIFICATE_LIFETIME_SECONDS: 34_300_800,
    PGFLEET_S3_ENDPOINT: '',
    PGFLEET_S3_BUCKET: '',
    PGFLEET_S3_REGION: '',
    PGFLEET_S3_KEY: '',
    PGFLEET_S3_SECRET: '',
    platformAuthority: '',
    ...settings,
  };
  const connect = () => new Etcd3({ hosts: etcd.url });
  const module: DynamicModule = AppModule.with(config);
  module.providers = module.providers?.map((provider) => {
    const token = typeof provider === 'function' ? provider : provider.provide;
    const useValue = instead.get(token);
    if (useValue) return { provide: token, useValue };
    if (typeof provider === 'function') return provider;
    if (provider.provide === CONNECT_ETCD) return { provide: CONNECT_ETCD, useValue: connect };
    return provider.provide === ETCD ? { provide: ETCD, useFactory: connect } : provider;
  });
  return startService(module, { service: 'cluster-service', httpPort: 0 });
};
