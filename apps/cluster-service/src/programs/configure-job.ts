import type { PlaybookJob } from '@pgfleet/contracts';
import type { Config } from '../config';
import { etcdUsers } from '../etcd/cluster-keys';
import type { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { failoverTiming } from './failover-timing';

/** The job that makes a cluster's machines what they are to be. Its secrets are fetched by the runner when it starts. */
export function configureJob(
  cluster: ClusterEntity,
  machines: MachineEntity[],
  config: Config,
): Omit<PlaybookJob, 'id' | 'operationId' | 'step'> {
  const group = (kind: MachineEntity['kind']) =>
    machines
      .filter((machine) => machine.kind === kind)
      .map(({ name, address, hostKey }) => ({
        name,
        address,
        hostKey,
        user: 'root',
        vars: { member_name: name },
      }));
  const users = etcdUsers(cluster.id);
  return {
    kind: 'playbook',
    playbook: 'cluster.yml',
    groups: { nodes: group('node'), load_balancer: group('load_balancer') },
    vars: {
      cluster_scope: cluster.id,
      postgres_version: cluster.postgresVersion,
      etcd_endpoints: config.PGFLEET_ETCD_ENDPOINTS.map((url) => url.replace(/^https?:\/\//, '')),
      etcd_user: users.node,
      etcd_lb_user: users.loadBalancer,
      ca_certificate: `${config.platformAuthority}\n`,
      s3_endpoint: config.PGFLEET_S3_ENDPOINT,
      s3_bucket: config.PGFLEET_S3_BUCKET,
      s3_region: config.PGFLEET_S3_REGION,
      backup_stanza: cluster.stanza,
      backup_path: `/${cluster.stanza}`,
      database_name: cluster.databaseName,
      database_user: cluster.databaseUser,
      patroni: failoverTiming,
    },
    secretsOf: cluster.id,
    deadlineSeconds: 600,
  };
}
