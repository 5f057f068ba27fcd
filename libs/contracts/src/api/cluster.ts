import { z } from 'zod';
import { ClusterId, OperationId, UserId } from '../ids';
import { DurabilityState, FailoverChange, FailoverChoice, FailoverSettings } from './failover';
import { DatabaseName, Description, Instant, Labels, NodeName, ResourceName, RoleName } from './fields';
import { FromBackup } from './restore';

export const ClusterState = z.enum(['creating', 'ready', 'degraded', 'restoring', 'failed', 'deleting']);
export type ClusterState = z.infer<typeof ClusterState>;

export const MemberRole = z.enum(['leader', 'replica', 'sync_standby']);
export type MemberRole = z.infer<typeof MemberRole>;

/** A member as Patroni tells it through etcd. `lagBytes` is the distance to the leader's WAL position, null while unknown. */
export const Member = z
  .object({
    name: NodeName,
    machine: NodeName,
    role: MemberRole,
    state: z
      .string()
      .meta({ description: "Patroni's word: running, streaming, starting, stopped …", example: 'streaming' }),
    timeline: z.int().nullable(),
    lagBytes: z.int().nonnegative().nullable(),
    watchdog: z.boolean().nullable().meta({
      description:
        'whether the machine has a watchdog that resets it when Patroni hangs while it leads; null while unknown',
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
        'a former leader on its way back as a replica: it starts, what only it has written is undone (pg_rewind), or it is copied anew; null when it is not',
    }),
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof Member>;

const Database = z.string().meta({ description: 'name of the database', example: 'app' });
const DatabaseUser = z.string().meta({ description: 'its owner', example: 'app' });

export const Tls = z.enum(['required', 'optional']).meta({
  id: 'Tls',
  description:
    'required: every port refuses connections without TLS; optional: plain text is accepted, so passwords are protected by SCRAM and data by nothing',
});
export type Tls = z.infer<typeof Tls>;

export const Endpoint = z
  .object({
    purpose: z.string().meta({
      description: 'what the endpoint is for',
      example: 'Applications: connections are pooled, and a planned switchover ends none.',
    }),
    pooling: z.enum(['transaction', 'none']).meta({
      description:
        'transaction: what a client sets or leaves open ends with its transaction; none: a PostgreSQL session of its own',
    }),
    limits: z
      .object({
        clients: z.int().meta({ description: 'connections that clients can have open', example: 2000 }),
        servers: z.int().meta({
          description: "PostgreSQL's connections that serve them: transactions that can run at once",
          example: 50,
        }),
        waitSeconds: z.int().meta({
          description: 'after this long a client that waits for one of them gets an error',
          example: 40,
        }),
        idleTransactionSeconds: z.int().meta({
          description:
            'a transaction that idles for longer is ended, unless the client sets `idle_in_transaction_session_timeout`',
          example: 30,
        }),
      })
      .meta({ description: 'for each node that the endpoint leads to' }),
    host: z.string().meta({ example: '10.77.0.24' }),
    port: z.int().meta({ example: 5000 }),
    database: Database,
    user: DatabaseUser,
    uri: z.string().meta({ example: 'postgresql://app@10.77.0.24:5000/app' }),
  })
  .meta({
    id: 'Endpoint',
    description: 'Where to connect; the password is at /clusters/:clusterId/credentials.',
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
      description: 'machines that were down when something changed; they are configured when they return',
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
    nodes: z.int().min(1).max(7).default(3).meta({ description: 'members; three survive the loss of one' }),
    postgresVersion: z.literal(17).default(17),
    database: z
      .strictObject({
        name: DatabaseName.default('app'),
        user: RoleName.default('app'),
      })
      .optional()
      .meta({
        description:
          'default: app, owned by app. Left out with `fromBackup`: then they are those of the backup',
      }),
    fromBackup: FromBackup.optional().meta({
      description: 'begin with the data of a backup instead of an empty database; its source is not touched',
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

/** What can be changed now. Anything else a cluster has is refused with a reason by the use case, not as an unknown field. */
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
  .refine((change) => Object.keys(change).length > 0, 'say at least one thing to change')
  .meta({ id: 'UpdateCluster' });
export type UpdateCluster = z.infer<typeof UpdateCluster>;

export const DeleteClusterQuery = z.strictObject({
  keepBackups: z
    .enum(['true', 'false'])
    .default('true')
    .meta({ description: 'false also removes the backups' }),
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
          'whether the role logs in with this password now. false: its password was changed with SQL, and only whoever changed it knows it; ' +
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
        'for logical replication through the session ports, with the same password; clusters that an older release created have no such user',
      example: 'app_replication',
    }),
    caCertificate: z.string().meta({
      description: 'PEM; with it sslmode=verify-full works',
      example: '-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n',
    }),
  })
  .meta({ id: 'Credentials' });
export type Credentials = z.infer<typeof Credentials>;
