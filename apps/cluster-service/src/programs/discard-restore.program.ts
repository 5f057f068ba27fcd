import { Injectable } from '@nestjs/common';
import { done, Outcome, Program, type StepContext } from '@pgfleet/operations';
import { discardJob } from '../restore/restore-jobs';
import { RestoreSteps } from '../restore/restore-steps';
import { driveJob } from './drive-job';
import { Failure } from './explain-failed-job';

interface Input {
  clusterId: string;
  node: string;
  /** The abandoned restore. */
  operationId: string;
}

/** Deletes the files that an abandoned restore had brought to a node. */
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
