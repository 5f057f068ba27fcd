import type { BackupList } from '@pgfleet/contracts';
import type { Outcome, StepContext } from '@pgfleet/operations';
import { info } from '@pgfleet/pgbackrest';
import type { ClusterLeader } from '../leader/cluster-leader';
import { drive, type Answer } from '../leader/pgbackrest-job';
import { readList } from './backup-list';

interface Limits {
  deadlineSeconds: number;
  /** How long to look for a machine that can be asked. */
  patienceMs: number;
}

/**
 * Asks the repository what it holds for a stanza, through any machine of the cluster. Returns an outcome while there is no
 * answer, or when there will be none.
 */
export const readStore = (
  context: StepContext<{ stanza: string; clusterId: string }>,
  leader: ClusterLeader,
  { deadlineSeconds, patienceMs }: Limits,
): Promise<Answer<BackupList> | Outcome> =>
  drive(context, {
    argv: info(context.input.stanza),
    host: () => leader.findAny(context.input.clusterId),
    read: readList,
    printsData: true,
    deadlineSeconds,
    patienceMs,
  });
