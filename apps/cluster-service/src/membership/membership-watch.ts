import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ServiceWatch } from '@pgfleet/patroni';
import type { Etcd3 } from 'etcd3';
import { CONNECT_ETCD } from '../etcd/etcd-connection';
import { Membership } from './membership';

/** Follows Patroni's keys for as long as the service runs. */
@Injectable()
export class MembershipWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly watch: ServiceWatch;

  constructor(membership: Membership, @Inject(CONNECT_ETCD) connect: () => Etcd3) {
    this.watch = new ServiceWatch({ connect, sink: membership, log: new Logger('etcd watch') });
  }

  onApplicationBootstrap(): void {
    this.watch.start();
  }

  onApplicationShutdown(): Promise<void> {
    return this.watch.stop();
  }
}
