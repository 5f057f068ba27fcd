import { Inject, Injectable } from '@nestjs/common';
import {
  cannotChange,
  clusterCreated,
  clusterUpdated,
  conflict,
  invalidInput,
  newId,
  type Cluster,
  type CreateCluster,
  type Credentials,
  type FromBackup,
  type Idempotency as IdempotencyInput,
  type Operation,
  type PageQuery,
  type UpdateCluster,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Idempotency, Operations } from '@pgfleet/operations';
import { DataSource, IsNull, LessThan, QueryFailedError, type EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../config';
import { defaultDurability, durabilityFault } from '../failover/durability';
import { changedSettings } from '../failover/failover-settings';
import { Lineages } from '../lineages/lineages';
import { ClusterMachines } from '../machines/cluster-machines';
import { ClusterEntity } from '../persistence/cluster.entity';
import { RestoreSources } from '../restore/restore-source';
import { ClusterSecrets } from '../secrets/cluster-secrets';
import { Users } from '../users/users';
import { PasswordInForce } from '../verification/password-in-force';
import { ClusterRows } from './cluster-rows';
import { ClusterStates } from './cluster-state';
import { clusterView } from './cluster-view';
import { connectionOf, replicationUserOf } from './connection';

/** Fields that cannot be changed yet, and what to do instead. */
const fixed = {
  nodes: 'The number of nodes is set at creation.',
  postgresVersion: 'A major upgrade is not offered yet.',
  userId: 'A cluster stays with the user that it was created for.',
  database:
    'A cluster has the one database and the one role that it was created with; schemas in it are created with SQL.',
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
    private readonly machines: ClusterMachines,
    private readonly operations: Operations,
    private readonly outbox: Outbox,
    private readonly idempotency: Idempotency,
    private readonly lineages: Lineages,
    private readonly sources: RestoreSources,
    private readonly passwordInForce: PasswordInForce,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async create(input: CreateCluster, key: IdempotencyInput): Promise<Operation> {
    const { profile, fencing, durability = defaultDurability(input.nodes) } = input.failover;
    const fault = durabilityFault(durability, input.nodes);
    if (fault) throw invalidInput(fault, { errors: [{ path: '/failover/durability', message: fault }] });
    return this.refusingTakenNames(input.name, () =>
      this.idempotency.onceChecked(
        key,
        'create-cluster',
        async () => input.fromBackup && (await this.sourceOf(input.fromBackup)),
        async (tx, source) => {
          const database = source
            ? { name: source.cluster.databaseName, user: source.cluster.databaseUser }
            : (input.database ?? { name: 'app', user: 'app' });
          await this.users.find(tx, input.userId, true);
          if (source) await this.lineages.hold(tx, source.stanza);
          const id = newId('clu');
          const stanza = newId('lin');
          await tx.insert(ClusterEntity, {
            id,
            name: input.name,
            userId: input.userId,
            description: input.description,
            labels: input.labels,
            state: 'creating',
            nodes: input.nodes,
            postgresVersion: input.postgresVersion,
            databaseName: database.name,
            databaseUser: database.user,
            stanza,
            syncStandbys: [],
            profile,
            durability,
            fencing,
            tls: input.tls,
          });
          await this.secrets.generate(tx, id);
          const operation = await this.operations.start(tx, {
            kind: source ? 'cluster.create_from_backup' : 'cluster.create',
            clusterId: id,
            input: source ? { target: source.target, from: source.stanza } : {},
          });
          const origin = source && {
            ...{ stanza: source.stanza, clusterId: source.clusterId, target: source.target },
            operationId: operation.id,
          };
          await this.lineages.announce(tx, stanza, id, origin ?? null);
          const { name, userId, nodes, postgresVersion } = input;
          await this.outbox.publish(
            tx,
            clusterCreated,
            id,
            { clusterId: id, name, userId, nodes, postgresVersion },
            { correlationId: operation.id },
          );
          return operation;
        },
      ),
    );
  }

  async list({ limit, before }: PageQuery): Promise<{ items: Cluster[]; next: string | null }> {
    const clusters = await this.database.manager.find(ClusterEntity, {
      where: { deletedAt: IsNull(), ...(before && { id: LessThan(before) }) },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const parts = await this.rows.parts(this.database.manager, clusters.slice(0, limit));
    const items = parts.map((each) => clusterView(each, this.machines.provesPower));
    return { items, next: clusters.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  async get(clusterId: string): Promise<Cluster> {
    return clusterView(await this.rows.partsOf(this.database.manager, clusterId), this.machines.provesPower);
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
      current: await this.passwordInForce.is(clusterId, connection, password),
      database: cluster.databaseName,
      primaryUri: withPassword(connection.primary.uri, password),
      replicasUri: withPassword(connection.replicas.uri, password),
      primarySessionUri: withPassword(connection.primarySession.uri, password),
      replicasSessionUri: withPassword(connection.replicasSession.uri, password),
      replicationUser: replicationUserOf(cluster),
      caCertificate: this.config.PGFLEET_CLUSTERS_CA_FILE,
    };
  }

  /**
   * Name, description and labels change at once, so the returned operation has already ended. Failover settings and `tls` are
   * stored at once; an operation applies them to the machines.
   */
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
        const operation =
          (await this.changeSettings(tx, cluster, change)) ??
          (await this.operations.completed(tx, {
            kind: 'cluster.update',
            clusterId,
            input: change,
            step: 'update',
          }));
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
      // Lock operations before the cluster, in the same order as a step's commit.
      await this.operations.cancelScheduled(tx, clusterId);
      const cluster = await this.rows.find(tx, clusterId, { forUpdate: true });
      // Scheduling an operation locks the cluster. Everything committed while we waited for that lock is visible here, and no
      // more can follow.
      await this.operations.cancelScheduled(tx, clusterId);
      const operation = await this.operations.start(tx, {
        kind: 'cluster.delete',
        clusterId,
        input: { keepBackups },
      });
      await this.states.change(tx, cluster, 'deleting', 'its deletion was asked for', operation.id);
      return operation;
    });
  }

  /** Throws 404 if the source does not exist, 422 if it does not lead to the target. */
  private async sourceOf(fromBackup: FromBackup) {
    const source = await this.sources.find(fromBackup);
    await this.sources.refuseOutOfReach(source.stanza, fromBackup.target);
    return { ...source, target: fromBackup.target };
  }

  /** Returns the operation that applies the settings to the machines; null if they are already as requested. */
  private async changeSettings(
    tx: EntityManager,
    cluster: ClusterEntity,
    { failover, tls = cluster.tls }: Pick<UpdateCluster, 'failover' | 'tls'>,
  ): Promise<Operation | null> {
    if (!failover && tls === cluster.tls) return null;
    if (cluster.state === 'creating' || cluster.state === 'failed') {
      throw conflict(`The cluster is ${cluster.state}: its settings cannot be changed.`, {
        remedy:
          'Wait until its creation has succeeded, or retry the operation that failed, then change them.',
      });
    }
    const settings = failover ? changedSettings(cluster, failover) : null;
    if (!settings && tls === cluster.tls) return null;
    const fault = settings && durabilityFault(settings.durability, cluster.nodes);
    if (fault) throw cannotChange(fault, { errors: [{ path: '/failover/durability', message: fault }] });
    await tx.update(ClusterEntity, { id: cluster.id }, { ...settings, tls });
    return this.operations.start(tx, {
      kind: 'cluster.settings',
      clusterId: cluster.id,
      input: { ...(failover && { failover }), tls },
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
      remedy: 'Change name, description, labels, failover or tls; for the rest create another cluster.',
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
