import { Inject, Injectable } from '@nestjs/common';
import { Outside } from '@pgfleet/observability';
import { deleteScope, grantScope, revokeScope } from '@pgfleet/patroni';
import type { Etcd3 } from 'etcd3';
import { ETCD } from './etcd-connection';

/** etcd users of a cluster: one that its nodes write with, one that its load balancer reads with. */
export const etcdUsers = (clusterId: string) => ({ node: clusterId, loadBalancer: `${clusterId}_lb` });

/** A cluster's place in etcd: who may touch it, and its end. */
@Injectable()
export class ClusterKeys {
  private readonly outside = new Outside('etcd', { timeoutMs: 10_000 });

  constructor(@Inject(ETCD) private readonly etcd: Etcd3) {}

  grant(clusterId: string, passwords: { etcd: string; etcd_lb: string }): Promise<void> {
    const { node, loadBalancer } = etcdUsers(clusterId);
    return this.outside.call('grant', async () => {
      await grantScope(this.etcd, clusterId, {
        name: node,
        password: passwords.etcd,
        permission: 'Readwrite',
      });
      await grantScope(this.etcd, clusterId, {
        name: loadBalancer,
        password: passwords.etcd_lb,
        permission: 'Read',
      });
    });
  }

  remove(clusterId: string): Promise<void> {
    const { node, loadBalancer } = etcdUsers(clusterId);
    return this.outside.call('remove', async () => {
      await revokeScope(this.etcd, node);
      await revokeScope(this.etcd, loadBalancer);
      await deleteScope(this.etcd, clusterId);
    });
  }
}
