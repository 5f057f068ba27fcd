import { Inject, Injectable } from '@nestjs/common';
import {
  cannotChange,
  clusterCreated,
  clusterUpdated,
  conflict,
  newId,
  type Cluster,
  type CreateCluster,
  type Credentials,
  type Idempotency as IdempotencyInput,
  type Operation,
  type PageQuery,
  type UpdateCluster,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Idempotency, Operations } from '@pgfleet/operations';
import { DataSource, IsNull, LessThan, QueryFailedError } from 'typeorm';
import { CONFIG, type Config } from '../config';
import { ClusterEntity } from '../persistence/cluster.entity';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { Users } from '../users/users';
import { ClusterRows } from './cluster-rows';
import { ClusterStates } from './cluster-state';
import { clusterView, connectionOf } from './cluster-view';

/** What cannot be changed yet, and what to do instead. */
const fixed = {
  nodes: 'The number of nodes is set at creation.',
  postgresVersion: 'A major upgrade is not offered yet.',
  userId: 'A cluster stays with the user that it was created for.',
  database: 'Database and role are made once, at creation; make further ones with SQL.',
} as const;

const isNameTaken = (error: unknown): boolean =>
  error instanceof QueryFailedError &&
  (error.driverError as { constraint?: string }).constraint === 'clusters_name';

const withPassword = (uri: string, password: string): string => uri.replace('@', `:${password}@`);

@Injectable()
export class Clusters {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly states: ClusterStates,
    private readonly users: Users,
    private readonly secrets: ClusterSecrets,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
    private readonly idempotency: Idempotency,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  create(input: CreateCluster, key: IdempotencyInput): Promise<Operation> {
    return this.refusingTakenNames(input.name, () =>
      this.database.transaction((tx) =>
        this.idempotency.once(tx, key, 'create-cluster', async () => {
          await this.users.find(tx, input.userId, true);
          const id = newId('clu');
          await tx.insert(ClusterEntity, {
            id,
            name: input.name,
            userId: input.userId,
            description: input.description,
            labels: input.labels,
            state: 'creating',
            nodes: input.nodes,
            postgresVersion: input.postgresVersion,
            databaseName: input.database.name,
            databaseUser: input.database.user,
            stanza: newId('lin'),
            syncStandbys: [],
          });
          await this.secrets.generate(tx, id);
          const operation = await this.operations.start(tx, {
            kind: 'cluster.create',
            clusterId: id,
            input: {},
          });
          const { name, userId, nodes, postgresVersion } = input;
          await this.outbox.publish(
            tx,
            clusterCreated,
            id,
            { clusterId: id, name, userId, nodes, postgresVersion },
            { correlationId: operation.id },
          );
          return operation;
        }),
      ),
    );
  }

  async list({ limit, before }: PageQuery): Promise<{ items: Cluster[]; next: string | null }> {
    const clusters = await this.database.manager.find(ClusterEntity, {
      where: { deletedAt: IsNull(), ...(before && { id: LessThan(before) }) },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const items = (await this.rows.parts(this.database.manager, clusters.slice(0, limit))).map(clusterView);
    return { items, next: clusters.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  async get(clusterId: string): Promise<Cluster> {
    return clusterView(await this.rows.partsOf(this.database.manager, clusterId));
  }

  async credentials(clusterId: string): Promise<Credentials> {
    const { cluster, machines } = await this.rows.partsOf(this.database.manager, clusterId);
    const connection = connectionOf(cluster, machines);
    if (!connection) {
      throw conflict('The cluster has no load balancer yet.', {
        remedy: 'Wait until its creation has succeeded.',
      });
    }
    const { customer: password } = await this.secrets.reveal(clusterId);
    return {
      user: cluster.databaseUser,
      password,
      database: cluster.databaseName,
      primaryUri: withPassword(connection.primary.uri, password),
      replicasUri: withPassword(connection.replicas.uri, password),
      caCertificate: this.config.PGFLEET_CLUSTERS_CA_FILE,
    };
  }

  /** Name, description and labels change at once, so the operation that is answered has already ended. */
  update(clusterId: string, change: UpdateCluster): Promise<Operation> {
    return this.refusingTakenNames(change.name ?? '', () =>
      this.database.transaction(async (tx) => {
        const cluster = await this.rows.find(tx, clusterId, { forUpdate: true });
        this.refuseFixed(cluster, change);
        if (cluster.state === 'deleting') {
          throw conflict('The cluster is being deleted.', {
            remedy: 'Nothing of it can be changed any more.',
          });
        }
        const { name = cluster.name, description = cluster.description, labels = cluster.labels } = change;
        await tx.update(ClusterEntity, { id: clusterId }, { name, description, labels });
        const operation = await this.operations.completed(tx, {
          kind: 'cluster.update',
          clusterId,
          input: change,
          step: 'update',
        });
        await this.outbox.publish(
          tx,
          clusterUpdated,
          clusterId,
          { clusterId, name },
          { correlationId: operation.id },
        );
        return operation;
      }),
    );
  }

  delete(clusterId: string, keepBackups: boolean): Promise<Operation> {
    return this.database.transaction(async (tx) => {
      const cluster = await this.rows.find(tx, clusterId, { forUpdate: true });
      const operation = await this.operations.start(tx, {
        kind: 'cluster.delete',
        clusterId,
        input: { keepBackups },
      });
      await this.states.change(tx, cluster, 'deleting', 'its deletion was asked for', operation.id);
      return operation;
    });
  }

  private refuseFixed(cluster: ClusterEntity, change: UpdateCluster): void {
    const current = { ...cluster, database: { name: cluster.databaseName, user: cluster.databaseUser } };
    const errors = (Object.keys(fixed) as (keyof typeof fixed)[])
      .filter(
        (field) =>
          change[field] !== undefined && JSON.stringify(change[field]) !== JSON.stringify(current[field]),
      )
      .map((field) => ({ path: `/${field}`, message: fixed[field] }));
    if (errors.length === 0) return;
    throw cannotChange(errors.map(({ message }) => message).join(' '), {
      errors,
      remedy: 'Change name, description or labels; for the rest create another cluster.',
    });
  }

  private async refusingTakenNames<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isNameTaken(error)) throw error;
      throw conflict(`The user already has a cluster named ${name}.`, { remedy: 'Choose another name.' });
    }
  }
}
