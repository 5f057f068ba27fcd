import { Injectable } from '@nestjs/common';
import { clusterRestoreConfirmed } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { done, Outcome, Program, type StepContext } from '@pgfleet/operations';
import { ClusterRows } from '../clusters/cluster-rows';
import { ClusterEntity } from '../persistence/cluster.entity';
import type { SetAside } from '../persistence/lineage.entity';
import { discardJob } from '../restore/restore-jobs';
import { RestoreSteps } from '../restore/restore-steps';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';

export interface ConfirmInput {
  setAside: SetAside;
}

/** Deletes the data from before a restore. Their lineage stays in the repository. */
@Injectable()
export class ConfirmRestore extends Program<ConfirmInput> {
  readonly kind = 'cluster.restore.confirm';
  readonly steps = ['discard'] as const;

  constructor(
    private readonly rows: ClusterRows,
    private readonly restoreSteps: RestoreSteps,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  async discard(context: StepContext<ConfirmInput>): Promise<Outcome> {
    const { node, operationId } = context.input.setAside;
    const clusterId = context.clusterId ?? '';
    const site = await this.restoreSteps.site(clusterId, node, operationId);
    const ran = await driveJob(context, () => discardJob(site));
    if (ran instanceof Failure) return ran.outcome;
    if (ran instanceof Outcome) return ran;
    return done().with(async (tx) => {
      const { name, stanza } = await this.rows.find(tx, clusterId, { forUpdate: true });
      await tx.update(ClusterEntity, { id: clusterId }, { setAside: null });
      const options = { correlationId: context.operationId };
      await this.outbox.publish(tx, clusterRestoreConfirmed, clusterId, { clusterId, name, stanza }, options);
    });
  }
}
