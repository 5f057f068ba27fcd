import { Inject, Injectable } from '@nestjs/common';
import { Outside } from '@pgfleet/observability';
import {
  admitMember,
  deleteScope,
  forgetMember,
  grantScope,
  makeScope,
  revokeScope,
  revokeUser,
} from '@pgfleet/patroni';
import type { Etcd3 } from 'etcd3';
import { ETCD } from './etcd-connection';

/**
 * etcd users of a cluster: one for its load balancer to read with, and one that all nodes share in clusters created before each
 * node had its own ({@link nodeUser}).
 */
export const etcdUsers = (clusterId: string) => ({ node: clusterId, loadBalancer: `${clusterId}_lb` });

/** The user of one node. After the node has left the cluster, its password gives no access. */
export const nodeUser = (clusterId: string, machine: string): string =>
  `${clusterId}_${machine.slice(machine.lastIndexOf('-') + 1)}`;

/** The name of a node's password among the cluster's secrets. */
export const nodeSecret = (machine: string): string => `etcd:${machine}`;

/** A cluster's keys in etcd: grants and revokes access, and deletes them. */
@Injectable()
export class ClusterKeys {
  private readonly outside = new Outside('etcd', { timeoutMs: 10_000 });

  constructor(@Inject(ETCD) private readonly etcd: Etcd3) {}

  /** Gives access to the cluster's keys to its load balancer and to the nodes that are admitted later. */
  grant(clusterId: string, passwords: { etcd_lb: string }): Promise<void> {
    const { loadBalancer } = etcdUsers(clusterId);
    return this.outside.call('grant', async () => {
      await makeScope(this.etcd, clusterId);
      await grantScope(this.etcd, clusterId, {
        name: loadBalancer,
        password: passwords.etcd_lb,
        permission: 'Read',
      });
    });
  }

  /** Lets a node read and write the cluster's keys. Idempotent. */
  admit(clusterId: string, machine: string, password: string): Promise<void> {
    return this.outside.call('admit', async () => {
      await makeScope(this.etcd, clusterId);
      await admitMember(this.etcd, clusterId, { name: nodeUser(clusterId, machine), password });
    });
  }

  /** Revokes the access of a node that has left the cluster and removes its keys. Idempotent. */
  expel(clusterId: string, { name, etcdUser }: { name: string; etcdUser: string | null }): Promise<void> {
    return this.outside.call('expel', async () => {
      // Revoke first, or the node could write its keys again.
      if (etcdUser) await revokeUser(this.etcd, etcdUser);
      await forgetMember(this.etcd, clusterId, name);
    });
  }

  remove(clusterId: string, nodeUsers: readonly string[]): Promise<void> {
    const { node, loadBalancer } = etcdUsers(clusterId);
    return this.outside.call('remove', async () => {
      for (const user of nodeUsers) await revokeUser(this.etcd, user);
      await revokeScope(this.etcd, node);
      await revokeScope(this.etcd, loadBalancer);
      await deleteScope(this.etcd, clusterId);
    });
  }
}
