import type { PlaybookJob } from '@pgfleet/contracts';
import { repositoryPath } from '@pgfleet/pgbackrest';
import { connectionBudget } from '../clusters/connection-budget';
import type { Config } from '../config';
import { etcdUsers, nodeSecret } from '../etcd/cluster-keys';
import { failoverProfile } from '../failover/failover-profile';
import { patroniSettings } from '../failover/patroni-settings';
import type { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';

/** What differs while a cluster is being restored. */
export interface Restoring {
  /** Nodes whose Patroni must not start, neither now nor at boot. */
  isHeld?: (node: string) => boolean;
  /** Nodes that are about to leave the cluster. */
  isLeaving?: (node: string) => boolean;
  /** The lineage to restore from. Without one, the configuration for reading another lineage is removed. */
  source?: { stanza: string };
}

/** The job that brings a cluster's machines to their desired configuration. The runner fetches its secrets when it starts. */
export function configureJob(
  cluster: ClusterEntity,
  machines: MachineEntity[],
  config: Config,
  { isHeld = () => false, isLeaving = () => false, source }: Restoring = {},
): Omit<PlaybookJob, 'id' | 'operationId' | 'step'> {
  const users = etcdUsers(cluster.id);
  const group = (kind: MachineEntity['kind']) =>
    machines
      .filter((machine) => machine.kind === kind)
      .map(({ name, address, hostKey, etcdUser }) => ({
        name,
        address,
        hostKey,
        user: 'root',
        vars: {
          member_name: name,
          ...(kind === 'node' && nodeLogin(name, etcdUser ?? users.node, etcdUser !== null)),
          ...(isHeld(name) && { patroni_held: true }),
          ...(isLeaving(name) && { leaving: true }),
        },
      }));
  const { checks, keepalive } = failoverProfile(cluster.profile);
  const { leaderPool, localPool, sessions } = connectionBudget(cluster.nodes);
  return {
    kind: 'playbook',
    playbook: 'cluster.yml',
    groups: { nodes: group('node'), load_balancer: group('load_balancer') },
    vars: {
      cluster_scope: cluster.id,
      postgres_version: cluster.postgresVersion,
      etcd_endpoints: config.PGFLEET_ETCD_ENDPOINTS.map((url) => url.replace(/^https?:\/\//, '')),
      etcd_lb_user: users.loadBalancer,
      ca_certificate: `${config.platformAuthority}\n`,
      certificate_lifetime_seconds: config.PGFLEET_CERTIFICATE_LIFETIME_SECONDS,
      s3_endpoint: config.PGFLEET_S3_ENDPOINT,
      s3_bucket: config.PGFLEET_S3_BUCKET,
      s3_region: config.PGFLEET_S3_REGION,
      backup_stanza: cluster.stanza,
      backup_path: repositoryPath(cluster.stanza),
      ...(config.PGFLEET_NODES_REVISION && { revision: config.PGFLEET_NODES_REVISION }),
      ...(source && { restore_source: { stanza: source.stanza, path: repositoryPath(source.stanza) } }),
      database_name: cluster.databaseName,
      database_user: cluster.databaseUser,
      client_tls: cluster.tls === 'required' ? 'require' : 'prefer',
      connections: { leader_pool: leaderPool, local_pool: localPool, sessions },
      patroni: patroniSettings(cluster),
      haproxy_checks: { inter_ms: checks.interMs, fall: checks.fall },
      keepalive: {
        idle: keepalive.idleSeconds,
        interval: keepalive.intervalSeconds,
        count: keepalive.count,
      },
    },
    secretsOf: cluster.id,
    deadlineSeconds: 600,
  };
}

/** How a node logs in to etcd: the user, and the name of its password among the secrets. */
const nodeLogin = (name: string, user: string, isOwn: boolean) => ({
  etcd_user: user,
  etcd_secret: isOwn ? nodeSecret(name) : 'etcd',
});
