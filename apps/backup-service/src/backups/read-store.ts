import type { BackupList } from '@pgfleet/contracts';
import type { Outcome, StepContext } from '@pgfleet/operations';
import { info } from '@pgfleet/pgbackrest';
import type { ClusterLeader } from '../leader/cluster-leader';
import { drive, type Answer } from '../leader/pgbackrest-job';
import { readList } from './backup-list';

interface Limits {
  deadlineSeconds: number;
  /** For a machine that can be asked to be found. */
  patienceMs: number;
}

/** Asks the store what it holds of a stanza, from any machine of the cluster; an outcome says that there is no answer yet, or none. */
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
