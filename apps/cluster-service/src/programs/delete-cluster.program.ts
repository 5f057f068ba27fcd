import { Injectable } from '@nestjs/common';
import { clusterDeleted, deleteStanza, type OperationError } from '@pgfleet/contracts';
import { Outbox, Requester } from '@pgfleet/messaging';
import {
  done,
  fail,
  next,
  Program,
  wait,
  type OperationContext,
  type Outcome,
  type StepContext,
} from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterStates } from '../clusters/cluster-state';
import { ClusterKeys, nodeUser } from '../etcd/cluster-keys';
import { Lineages } from '../lineages/lineages';
import { nextNode, planMachines } from '../machines/machine-plan';
import { ClusterMachines } from '../machines/cluster-machines';
import { ClusterEntity, MachineEntity, MemberEntity, SecretEntity } from '../persistence/cluster.entity';
import { LeadershipEntity, NodeReportEntity } from '../persistence/leadership.entity';
import { ReducedDurabilityEntity } from '../persistence/reduced-durability.entity';

interface Input {
  keepBackups: boolean;
}
type Context = StepContext<Input>;

const stanzaWithinMs = 300_000;

/** Deletes a cluster: its backups if requested, then its machines, then its keys and users in etcd. */
@Injectable()
export class DeleteCluster extends Program<Input> {
  readonly kind = 'cluster.delete';
  readonly steps = ['remove_backups', 'remove_machines', 'remove_keys'] as const;

  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly states: ClusterStates,
    private readonly machines: ClusterMachines,
    private readonly keys: ClusterKeys,
    private readonly lineages: Lineages,
    private readonly requester: Requester,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  /** Runs first, because pgBackRest removes a stanza from one of the cluster's nodes. */
  async remove_backups(context: Context): Promise<Outcome> {
    if (context.input.keepBackups) return next();
    const ended = context.signal<{ cause?: string; remedy?: string }>('stanza');
    if (ended) return ended.cause ? fail(ended.cause, ended.remedy ?? 'Retry the operation.') : next();
    if (context.expired) {
      return fail(
        `Backup-service did not remove the backups within ${stanzaWithinMs / 1000} s.`,
        'Look at its operation in GET /operations, then retry this one, or delete with keepBackups=true.',
      );
    }
    const cluster = await this.cluster(context);
    const { state } = await this.requester.ask(deleteStanza, {
      clusterId: cluster.id,
      stanza: cluster.stanza,
      requestedBy: context.operationId,
    });
    // The removal may have ended earlier, while this step was not waiting. Then no further event arrives.
    if (state === 'succeeded') return next();
    return wait('stanza', stanzaWithinMs);
  }

  async remove_machines(context: Context): Promise<Outcome> {
    await this.machines.remove(await this.cluster(context));
    return next();
  }

  async remove_keys(context: Context): Promise<Outcome> {
    const cluster = await this.cluster(context);
    const machines = await this.database.manager.findBy(MachineEntity, { clusterId: cluster.id });
    // A creation that stopped early has etcd users for machines that were never stored.
    const planned = planMachines(cluster.id, nextNode(cluster)).map(({ name }) => nodeUser(cluster.id, name));
    const users = machines.flatMap(({ etcdUser }) => etcdUser ?? []);
    await this.keys.remove(cluster.id, [...new Set([...planned, ...users])]);
    return done().with((tx) => this.forget(tx, context, cluster));
  }

  override async onFailed(
    context: OperationContext<Input>,
    error: OperationError,
    tx: EntityManager,
  ): Promise<void> {
    const cluster = await this.rows.find(tx, context.clusterId ?? '', { forUpdate: true });
    await this.states.change(
      tx,
      cluster,
      'failed',
      `its deletion stopped at ${error.step}: ${error.cause}`,
      context.operationId,
    );
  }

  override async onCancelled(context: OperationContext<Input>, tx: EntityManager): Promise<void> {
    const cluster = await this.rows.find(tx, context.clusterId ?? '', { forUpdate: true });
    await this.states.change(
      tx,
      cluster,
      'failed',
      `its deletion was cancelled at ${context.step}`,
      context.operationId,
    );
  }

  override async onRetried(context: OperationContext<Input>, tx: EntityManager): Promise<void> {
    const cluster = await this.rows.find(tx, context.clusterId ?? '', { forUpdate: true });
    await this.states.change(
      tx,
      cluster,
      'deleting',
      `its deletion goes on from ${context.step}`,
      context.operationId,
    );
  }

  /** The row stays, marked deleted: it records the owner of backups that were kept. Their key stays with their lineage. */
  private async forget(
    tx: EntityManager,
    { input, operationId }: Context,
    cluster: ClusterEntity,
  ): Promise<void> {
    const { id, name } = cluster;
    await tx.delete(MemberEntity, { clusterId: id });
    await tx.delete(MachineEntity, { clusterId: id });
    await tx.delete(LeadershipEntity, { clusterId: id });
    await tx.delete(NodeReportEntity, { clusterId: id });
    await tx.delete(ReducedDurabilityEntity, { clusterId: id });
    await this.lineages.end(tx, cluster, input.keepBackups);
    await tx.delete(SecretEntity, { clusterId: id });
    await tx.update(ClusterEntity, { id }, { deletedAt: new Date() });
    const data = { clusterId: id, name, backupsKept: input.keepBackups };
    await this.outbox.publish(tx, clusterDeleted, id, data, { correlationId: operationId });
  }

  private cluster(context: Context): Promise<ClusterEntity> {
    return this.rows.find(this.database.manager, context.clusterId ?? '');
  }
}
