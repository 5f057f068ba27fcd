import { Injectable } from '@nestjs/common';
import { done, Program, type Outcome, type StepContext } from '@pgfleet/operations';
import { ClusterMachines } from '../machines/cluster-machines';

interface Input {
  machine: string;
}

/** Gives back a proof's machine, however the proof ended. Keeps trying while the provider does not answer. */
@Injectable()
export class RemoveProofMachine extends Program<Input> {
  static readonly kind = 'cluster.proof.remove_machine';
  readonly kind = RemoveProofMachine.kind;
  readonly steps = ['remove_machine'] as const;
  /** Attempts are half a minute apart, so this lasts for a week. */
  override readonly attempts = 20_000;

  constructor(private readonly machines: ClusterMachines) {
    super();
  }

  async remove_machine({ input }: StepContext<Input>): Promise<Outcome> {
    await this.machines.removeForProof(input.machine);
    return done();
  }
}
