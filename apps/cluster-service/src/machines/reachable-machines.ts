import { Injectable } from '@nestjs/common';
import { sshGreets } from '@pgfleet/machines';
import type { MachineEntity } from '../persistence/cluster.entity';

const withinMs = 3_000;

/** Finds the machines that can be configured now: those whose ssh answers. */
@Injectable()
export class ReachableMachines {
  async of<Machine extends Pick<MachineEntity, 'address'>>(machines: readonly Machine[]): Promise<Machine[]> {
    const answers = await Promise.all(
      machines.map(({ address }) => sshGreets(address, AbortSignal.timeout(withinMs))),
    );
    return machines.filter((_, index) => answers[index]);
  }
}
