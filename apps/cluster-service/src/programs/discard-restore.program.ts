import { Injectable } from '@nestjs/common';
import { done, Outcome, Program, type StepContext } from '@pgfleet/operations';
import { discardJob } from '../restore/restore-jobs';
import { RestoreSteps } from '../restore/restore-steps';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';

interface Input {
  clusterId: string;
  node: string;
  /** The restore that was given up. */
  operationId: string;
}

/** Deletes what a restore had brought to a node before it was given up. */
@Injectable()
export class DiscardRestore extends Program<Input> {
  static readonly kind = 'cluster.restore.discard';
  readonly kind = DiscardRestore.kind;
  readonly steps = ['discard'] as const;

  constructor(private readonly restoreSteps: RestoreSteps) {
    super();
  }

  async discard(context: StepContext<Input>): Promise<Outcome> {
    const { clusterId, node, operationId } = context.input;
    const site = await this.restoreSteps.site(clusterId, node, operationId);
    const ran = await driveJob(context, () => discardJob(site));
    if (ran instanceof Failure) return ran.outcome;
    return ran instanceof Outcome ? ran : done();
  }
}
