import { serves } from '../clusters/cluster-state';
import type { ClusterEntity } from '../persistence/cluster.entity';

/** Why something cannot be done now, and what to do instead. */
export interface Fault {
  detail: string;
  remedy: string;
}

type Seen = Pick<ClusterEntity, 'state' | 'setAside'>;

/** Why the cluster cannot be restored in place now; null when it can. */
export function restoreFault(cluster: Seen): Fault | null {
  if (cluster.setAside)
    return {
      detail: `The restore ${cluster.setAside.operationId} is neither confirmed nor undone: what it has set aside would be lost.`,
      remedy:
        'POST /clusters/:id/restore/undo to try another target from what was there, or …/restore/confirm to give that up.',
    };
  if (serves(cluster)) return null;
  return {
    detail: `The cluster is ${cluster.state}.`,
    remedy: 'Wait until it is ready, or retry the operation that failed; or restore into a new cluster.',
  };
}

/** Why there is no way back for the cluster now; null when there is. A restore that stopped half-way can be undone, too. */
export function undoFault(cluster: Seen): Fault | null {
  if (!cluster.setAside)
    return {
      detail: 'No restore of the cluster is waiting to be confirmed or undone.',
      remedy:
        'An earlier state is in its backups: POST /clusters/:id/restore. GET /clusters/:id/lineages shows them.',
    };
  if (serves(cluster) || cluster.state === 'failed') return null;
  return { detail: `The cluster is ${cluster.state}.`, remedy: 'Wait until the operation has ended.' };
}
