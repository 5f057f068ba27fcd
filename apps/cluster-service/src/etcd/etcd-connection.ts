import { Etcd3 } from 'etcd3';
import type { Config } from '../config';

/** Token of a function that makes a new etcd client. */
export const CONNECT_ETCD = Symbol('connect etcd');
/** Token of the client that requests share. */
export const ETCD = Symbol('etcd');

/**
 * Pings let a client notice that a member is cut off: without them a dead connection stays silent until TCP gives up, minutes later.
 * etcd closes connections that ping more often than every 5 s (`--grpc-keepalive-min-time`).
 */
const keepalive = {
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.keepalive_permit_without_calls': 1,
};

export const connectEtcd = (config: Config) => (): Etcd3 =>
  new Etcd3({
    hosts: config.PGFLEET_ETCD_ENDPOINTS,
    auth: { username: config.PGFLEET_ETCD_USER, password: config.PGFLEET_ETCD_PASSWORD },
    credentials: { rootCertificate: Buffer.from(config.platformAuthority) },
    grpcOptions: keepalive,
    defaultCallOptions: (context) => (context.isStream ? {} : { deadline: Date.now() + 5000 }),
  });
