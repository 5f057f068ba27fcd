import { Injectable } from '@nestjs/common';
import {
  checkRestoreTarget,
  notFound,
  targetOutOfReach,
  type FromBackup,
  type RestoreTarget,
  type RestoreTargetCheck,
} from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { Lineages } from '../lineages/lineages';
import { ClusterEntity } from '../persistence/cluster.entity';

/** A lineage to restore from. */
export interface RestoreSource {
  stanza: string;
  /** The cluster that wrote it. */
  clusterId: string;
}

/** Reading the repository may take a moment, and the caller waits for the answer. */
const checkWithinMs = 8_000;

/** Finds the lineages to restore from, and checks whether they lead to the target. */
@Injectable()
export class RestoreSources {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly lineages: Lineages,
    private readonly requester: Requester,
  ) {}

  /** Finds the requested lineage and the cluster that wrote it, which may be deleted. Throws 404. */
  async find({
    clusterId,
    stanza,
  }: Omit<FromBackup, 'target'>): Promise<RestoreSource & { cluster: ClusterEntity }> {
    const { manager } = this.database;
    if (clusterId !== undefined) {
      const cluster = await this.rows.find(manager, clusterId);
      return { stanza: cluster.stanza, clusterId, cluster };
    }
    const lineage = await this.lineages.find(manager, stanza ?? '');
    const cluster = await manager.findOneByOrFail(ClusterEntity, { id: lineage.clusterId });
    if (!lineage.sealedKey)
      throw notFound(`The backups of ${lineage.stanza} were not kept.`, {
        remedy: 'Choose another lineage.',
      });
    return { stanza: lineage.stanza, clusterId: cluster.id, cluster };
  }

  /** Asks backup-service what the repository holds. */
  check(stanza: string, target: RestoreTarget): Promise<RestoreTargetCheck> {
    return this.requester.ask(checkRestoreTarget, { stanza, target }, { timeoutMs: checkWithinMs });
  }

  /** Throws 422, with the nearest target that can be reached. */
  async refuseOutOfReach(stanza: string, target: RestoreTarget): Promise<void> {
    const check = await this.check(stanza, target);
    if (check.ok) return;
    throw targetOutOfReach(check.reason, {
      remedy: remedyOf(check),
      extra: { nearest: check.nearest },
    });
  }
}

const further = 'GET /clusters/:id/lineages shows further lineages.';

/** What to request instead of a target that cannot be reached. */
export const remedyOf = ({ nearest }: Extract<RestoreTargetCheck, { ok: false }>): string => {
  const moments = [nearest.before, nearest.after].flatMap((moment) =>
    moment ? [`${moment.time} (${moment.lsn})`] : [],
  );
  return moments.length > 0
    ? `The nearest that can be reached: ${moments.join(', ')}. ${further}`
    : `Nothing of this lineage can be restored. ${further}`;
};
