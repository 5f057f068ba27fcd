import { Injectable } from '@nestjs/common';
import {
  conflict,
  type CreateRestorePoint,
  type Idempotency as IdempotencyKey,
  type Operation,
  type RestorePointList,
} from '@pgfleet/contracts';
import { Idempotency, Operations } from '@pgfleet/operations';
import { Lineages } from '../stanzas/lineages';
import { lsnOf } from '../wal/wal-position';
import { instantOf } from '../window/instant';
import { MakeRestorePoint } from './make-restore-point.program';
import { RestorePointRows } from './restore-point-rows';

/** Creates and lists restore points. A name is taken while its point is being created, and free again if that fails. */
@Injectable()
export class RestorePoints {
  constructor(
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
    private readonly lineages: Lineages,
    private readonly rows: RestorePointRows,
  ) {}

  /** Throws 409 for a name that is taken in the lineage: recovery would end at the first of the two. */
  create(clusterId: string, { name }: CreateRestorePoint, key: IdempotencyKey): Promise<Operation> {
    return this.idempotency.onceChecked(
      key,
      `start ${MakeRestorePoint.kind}`,
      () => this.lineages.current(clusterId),
      async (tx, { name: stanza }) => {
        const input = { stanza, clusterId, name };
        const operation = await this.operations.start(tx, { kind: MakeRestorePoint.kind, clusterId, input });
        if (!(await this.rows.take(tx, input, operation.id)))
          throw conflict(`There is a restore point ${name} already.`, {
            remedy:
              'Choose another name. GET /clusters/:clusterId/restore-points lists those that are taken.',
          });
        return operation;
      },
    );
  }

  async list(clusterId: string): Promise<RestorePointList> {
    const { name: stanza } = await this.lineages.current(clusterId);
    const items = (await this.rows.made(stanza)).map(({ name, timeline, position, time }) => ({
      ...{ name, stanza, timeline },
      lsn: lsnOf(position),
      time: instantOf(time),
    }));
    return { clusterId, items };
  }
}
