import { z } from 'zod';
import { ClusterId, OperationId, UserId } from '../ids';
import { DurabilityState, FailoverChange, FailoverChoice, FailoverSettings } from './failover';
import { DatabaseName, Description, Instant, Labels, NodeName, ResourceName, RoleName } from './fields';
import { FromBackup } from './restore';

export const ClusterState = z.enum(['creating', 'ready', 'degraded', 'restoring', 'failed', 'deleting']);
export type ClusterState = z.infer<typeof ClusterState>;

export const MemberRole = z.enum(['leader', 'replica', 'sync_standby']);
export type MemberRole = z.infer<typeof MemberRole>;

/** A member as Patroni reports it in etcd. `lagBytes` is the distance to the leader's WAL position, null while unknown. */
export const Member = z
  .object({
    name: NodeName,
    machine: NodeName,
    role: MemberRole,
    state: z.string().meta({
      description: 'state as Patroni reports it: running, streaming, starting, stopped …',
      example: 'streaming',
    }),
    timeline: z.int().nullable(),
    lagBytes: z.int().nonnegative().nullable(),
    watchdog: z.boolean().nullable().meta({
      description:
        'whether a watchdog resets the machine if Patroni hangs while this member leads; null while unknown',
    }),
    patroni: z
      .object({
        version: z.string().meta({ description: 'of the package', example: '4.0.7-3~deb13u1' }),
        patched: z.array(z.string()).meta({
          description:
            'the patches of deploy/patroni it runs with; empty: none, because the version is another one or they are switched off. It is slower then in places, and as safe.',
          example: ['01-wake-the-watch-without-closing-its-socket.patch'],
        }),
      })
      .nullable()
      .meta({ description: 'the Patroni that the member runs; null while unknown' }),
    rejoining: z.enum(['starting', 'rewinding', 'copying']).nullable().meta({
      description:
        'how a former leader is becoming a replica. starting: it starts; rewinding: pg_rewind undoes what only this member wrote; copying: its data are copied again. null when it is not rejoining',
    }),
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof Member>;

const Database = z.string().meta({ description: 'name of the database', example: 'app' });
const DatabaseUser = z.string().meta({ description: 'owner of the database', example: 'app' });

export const Tls = z.enum(['required', 'optional']).meta({
  id: 'Tls',
  description:
    'required: every port refuses connections without TLS; optional: plain-text connections are accepted: SCRAM still protects passwords, nothing protects the data',
});
export type Tls = z.infer<typeof Tls>;

export const Endpoint = z
  .object({
    purpose: z.string().meta({
      description: 'what the endpoint is for',
      example: 'Applications: connections are pooled, and a planned switchover disconnects none.',
    }),
    pooling: z.enum(['transaction', 'none']).meta({
      description:
        'transaction: settings and session state of a client end with its transaction; none: every client has a PostgreSQL session of its own',
    }),
    limits: z
      .object({
        clients: z.int().meta({ description: 'how many client connections can be open', example: 2000 }),
        servers: z.int().meta({
          description: 'how many PostgreSQL connections serve them: the transactions that can run at once',
          example: 50,
        }),
        waitSeconds: z.int().meta({
          description: 'how long a client waits for such a connection before it gets an error',
          example: 40,
        }),
        idleTransactionSeconds: z.int().meta({
          description:
            'a transaction that idles longer is terminated, unless the client sets `idle_in_transaction_session_timeout`',
          example: 30,
        }),
      })
      .meta({ description: 'limits of each node behind the endpoint' }),
    host: z.string().meta({ example: '10.77.0.24' }),
    port: z.int().meta({ example: 5000 }),
    database: Database,
    user: DatabaseUser,
    uri: z.string().meta({ example: 'postgresql://app@10.77.0.24:5000/app' }),
  })
  .meta({
    id: 'Endpoint',
    description: 'Where to connect. Get the password from /clusters/:clusterId/credentials.',
  });

export const Connection = z
  .object({
    primary: Endpoint,
    replicas: Endpoint,
    primarySession: Endpoint,
    replicasSession: Endpoint,
  })
  .meta({ id: 'Connection' });
export type Connection = z.infer<typeof Connection>;

export const Cluster = z
  .object({
    id: ClusterId,
    name: ResourceName,
    userId: UserId,
    description: z.string().meta({ example: 'Orders of the shop' }),
    labels: Labels,
    state: ClusterState,
    nodes: z.int(),
    postgresVersion: z.int(),
    timeline: z.int().nullable(),
    failover: FailoverSettings,
    tls: Tls,
    durability: DurabilityState,
    pendingMachines: z.array(NodeName).meta({
      description: 'machines that were down during a change; they are configured when they return',
    }),
    members: z.array(Member),
    connection: Connection.nullable(),
    operationId: OperationId.nullable().meta({
      description: 'the operation that is changing the cluster now',
    }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Cluster' });
export type Cluster = z.infer<typeof Cluster>;

export const CreateCluster = z
  .strictObject({
    name: ResourceName,
    userId: UserId,
    nodes: z
      .int()
      .min(1)
      .max(7)
      .default(3)
      .meta({ description: 'number of nodes; three survive the loss of one' }),
    postgresVersion: z.literal(17).default(17),
    database: z
      .strictObject({
        name: DatabaseName.default('app'),
        user: RoleName.default('app'),
      })
      .optional()
      .meta({
        description: 'default: app, owned by app. Leave it out with `fromBackup`: the backup determines both',
      }),
    fromBackup: FromBackup.optional().meta({
      description: 'start with the data of a backup instead of an empty database; the source is not touched',
    }),
    failover: FailoverChoice.prefault({}),
    tls: Tls.default('required'),
    description: Description.default(''),
    labels: Labels.default({}),
  })
  .refine(({ database, fromBackup }) => !database || !fromBackup, {
    path: ['database'],
    error: 'comes with the backup: leave it out',
  })
  .meta({
    id: 'CreateCluster',
    example: {
      name: 'orders',
      userId: 'usr_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55',
      nodes: 3,
      database: { name: 'app', user: 'app' },
      failover: { profile: 'fast' },
      description: 'Orders of the shop',
      labels: { team: 'payments' },
    },
  });
export type CreateCluster = z.infer<typeof CreateCluster>;

/** Fields of a change. The use case refuses the ones that cannot change and says why; they are not unknown fields. */
export const UpdateCluster = z
  .strictObject({
    name: ResourceName.optional(),
    description: Description.optional(),
    labels: Labels.optional(),
    failover: FailoverChange.optional(),
    tls: Tls.optional(),
    nodes: z.int().min(1).max(7).optional(),
    postgresVersion: z.int().optional(),
    userId: UserId.optional(),
    database: z.unknown().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one field to change')
  .meta({ id: 'UpdateCluster' });
export type UpdateCluster = z.infer<typeof UpdateCluster>;

export const DeleteClusterQuery = z.strictObject({
  keepBackups: z
    .enum(['true', 'false'])
    .default('true')
    .meta({ description: 'false also deletes the backups' }),
});

export const Credentials = z
  .object({
    user: DatabaseUser,
    password: z.string().meta({ example: 'kX3vT9qLw2Zr8BnY5mHs4JdG7pCf1AeU' }),
    current: z
      .boolean()
      .nullable()
      .meta({
        description:
          'whether the role can log in with this password. false: its password was changed with SQL and the platform does not know it; ' +
          'rotate sets a new one. null: the cluster did not answer',
        example: true,
      }),
    database: Database,
    primaryUri: z.string().meta({ example: 'postgresql://app:kX3v…@10.77.0.24:5000/app' }),
    replicasUri: z.string().meta({ example: 'postgresql://app:kX3v…@10.77.0.24:5001/app' }),
    primarySessionUri: z.string().meta({ example: 'postgresql://app:kX3v…@10.77.0.24:5002/app' }),
    replicasSessionUri: z.string().meta({ example: 'postgresql://app:kX3v…@10.77.0.24:5003/app' }),
    replicationUser: z.string().meta({
      description:
        'user for logical replication through the session ports, with the same password; clusters created by an older release do not have it',
      example: 'app_replication',
    }),
    caCertificate: z.string().meta({
      description: 'PEM; use it as the root certificate for sslmode=verify-full',
      example: '-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n',
    }),
  })
  .meta({ id: 'Credentials' });
export type Credentials = z.infer<typeof Credentials>;
