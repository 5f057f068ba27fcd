import type { Connection } from '@pgfleet/contracts';
import type { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import { connectionBudget } from './connection-budget';

/** `max_client_conn` and `query_wait_timeout` of PgBouncer, `timeout queue` of HAProxy, `idle_in_transaction_session_timeout`. */
const pooled = { clients: 2000, waitSeconds: 40, idleTransactionSeconds: 30 };
const session = { waitSeconds: 5, idleTransactionSeconds: 30 };

const purposes = {
  primary:
    'Applications: reads and writes on the leader. Connections are pooled, and a planned switchover ends none.',
  replicas: 'Applications: reads on a replica, or on the leader while there is none. Connections are pooled.',
  primarySession:
    'Migrations, pg_dump, LISTEN, logical replication: a session on the leader. A change of leader ends it.',
  replicasSession: 'pg_dump and long reads: a session on a replica, or on the leader while there is none.',
};

/** Where to connect; null while there is no load balancer. */
export const connectionOf = (cluster: ClusterEntity, machines: MachineEntity[]): Connection | null => {
  const host = machines.find(({ kind }) => kind === 'load_balancer')?.address;
  if (!host) return null;
  const { databaseName: database, databaseUser: user } = cluster;
  const { leaderPool, localPool, sessions } = connectionBudget(cluster.nodes);
  const address = (port: number) => ({
    host,
    port,
    database,
    user,
    uri: `postgresql://${user}@${host}:${port}/${database}?sslmode=require`,
  });
  const pool = (servers: number) => ({
    pooling: 'transaction' as const,
    limits: { ...pooled, servers },
  });
  const none = { pooling: 'none' as const, limits: { ...session, clients: sessions, servers: sessions } };
  return {
    primary: { purpose: purposes.primary, ...pool(leaderPool), ...address(5000) },
    replicas: { purpose: purposes.replicas, ...pool(localPool), ...address(5001) },
    primarySession: { purpose: purposes.primarySession, ...none, ...address(5002) },
    replicasSession: { purpose: purposes.replicasSession, ...none, ...address(5003) },
  };
};

/** The customer's role for logical replication, as postgres_node names it. */
export const replicationUserOf = ({ databaseUser }: Pick<ClusterEntity, 'databaseUser'>): string =>
  `${databaseUser.slice(0, 51)}_replication`;
