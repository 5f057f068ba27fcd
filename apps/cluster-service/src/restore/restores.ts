import { Injectable } from '@nestjs/common';
import {
  conflict,
  newId,
  notFound,
  type Idempotency as IdempotencyInput,
  type Operation,
  type RestoreRequest,
  type RestoreTarget,
} from '@pgfleet/contracts';
import { Idempotency, Operations } from '@pgfleet/operations';
import { DataSource, type EntityManager } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterStates, serves } from '../clusters/cluster-state';
import { Lineages } from '../lineages/lineages';
import { ClusterEntity } from '../persistence/cluster.entity';
import { restoreFault, undoFault, type Fault } from './restore-faults';
import { RestoreSources } from './restore-source';

/** In-place restores that customers request, and their confirmation or undo. */
@Injectable()
export class Restores {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly states: ClusterStates,
    private readonly lineages: Lineages,
    private readonly sources: RestoreSources,
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
  ) {}

  /** Refused at once if it could not run now. The operation checks the target again before it touches anything. */
  start(clusterId: string, { target, stanza }: RestoreRequest, key: IdempotencyInput): Promise<Operation> {
    return this.idempotency.onceChecked(
      key,
      `restore ${clusterId}`,
      () => this.sourceOf(clusterId, target, stanza),
      async (tx, from) => {
        this.refuse(restoreFault(await this.rows.find(tx, clusterId, { forUpdate: true })));
        await this.lineages.hold(tx, from);
        return this.operations.start(tx, {
          kind: 'cluster.restore',
          clusterId,
          input: { target, from, to: newId('lin') },
        });
      },
    );
  }

  /** The lineage to restore from. Throws 404; 422 if it does not lead to the target. */
  private async sourceOf(
    clusterId: string,
    target: RestoreTarget,
    stanza: string | undefined,
  ): Promise<string> {
    const from = stanza ?? (await this.rows.find(this.database.manager, clusterId)).stanza;
    const lineage = await this.lineages.find(this.database.manager, from);
    if (lineage.clusterId !== clusterId)
      throw notFound(`${clusterId} has no lineage named ${from}.`, {
        remedy: 'Data of another cluster are restored into a new one: POST /clusters with fromBackup.',
      });
    await this.sources.refuseOutOfReach(from, target);
    return from;
  }

  undo(clusterId: string, key: IdempotencyInput): Promise<Operation> {
    return this.once(key, `undo restore ${clusterId}`, async (tx) => {
      const cluster = await this.rows.find(tx, clusterId, { forUpdate: true });
      this.refuse(undoFault(cluster));
      const operation = await this.operations.start(tx, {
        kind: 'cluster.restore.undo',
        clusterId,
        input: { setAside: cluster.setAside, left: cluster.stanza, served: serves(cluster) },
      });
      await this.states.change(tx, cluster, 'restoring', 'its restore is undone', operation.id);
      await tx.update(ClusterEntity, { id: clusterId }, { lost: null, lostAt: null });
      return operation;
    });
  }

  confirm(clusterId: string, key: IdempotencyInput): Promise<Operation> {
    return this.once(key, `confirm restore ${clusterId}`, async (tx) => {
      const cluster = await this.rows.find(tx, clusterId, { forUpdate: true });
      this.refuse(undoFault(cluster));
      if (!serves(cluster))
        throw conflict(`The cluster is ${cluster.state}: what is set aside may be needed yet.`, {
          remedy: 'Retry the operation that failed, or undo the restore.',
        });
      return this.operations.start(tx, {
        kind: 'cluster.restore.confirm',
        clusterId,
        input: { setAside: cluster.setAside },
      });
    });
  }

  private once(
    key: IdempotencyInput,
    what: string,
    work: (tx: EntityManager) => Promise<Operation>,
  ): Promise<Operation> {
    return this.database.transaction((tx) => this.idempotency.once(tx, key, what, () => work(tx)));
  }

  private refuse(fault: Fault | null): void {
    if (fault) throw conflict(fault.detail, { remedy: fault.remedy });
  }
}
