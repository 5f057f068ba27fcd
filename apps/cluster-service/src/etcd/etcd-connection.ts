import { etcdClient } from '@pgfleet/patroni';
import type { Etcd3 } from 'etcd3';
import type { Config } from '../config';

/** Token of a function that creates a new etcd client. */
export const CONNECT_ETCD = Symbol('connect etcd');
/** Token of the client that all requests share. */
export const ETCD = Symbol('etcd');

export const connectEtcd = (config: Config) => (): Etcd3 =>
  etcdClient({
    hosts: config.PGFLEET_ETCD_ENDPOINTS,
    auth: { username: config.PGFLEET_ETCD_USER, password: config.PGFLEET_ETCD_PASSWORD },
    ca: config.platformAuthority,
  });
