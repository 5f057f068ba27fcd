import { Injectable } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import type { Moment } from '../window/recovery-span';
import type { NamedPlace } from '../window/restore-target';

export interface RestorePointInput {
  stanza: string;
  clusterId: string;
  name: string;
}

/** Stores the names of WAL positions. A name is taken while its point is being created, and free again if that fails. */
@Injectable()
export class RestorePointRows {
  constructor(private readonly database: DataSource) {}

  /** Returns false when the name is taken. */
  async take(
    tx: EntityManager,
    { stanza, clusterId, name }: RestorePointInput,
    operationId: string,
  ): Promise<boolean> {
    const taken = await rows(
      tx,
      `insert into restore_point (stanza, name, cluster_id, operation_id) values ($1, $2, $3, $4)
       on conflict do nothing returning name`,
      [stanza, name, clusterId, operationId],
    );
    return taken.length > 0;
  }

  async keep(tx: EntityManager, operationId: string, { timeline, position, time }: Moment): Promise<void> {
    await tx.query(
      'update restore_point set timeline = $2, position = $3, time = $4 where operation_id = $1',
      [operationId, timeline, position, time],
    );
  }

  async free(tx: EntityManager, operationId: string): Promise<void> {
    await tx.query('delete from restore_point where operation_id = $1 and position is null', [operationId]);
  }

  /** The restore points of a lineage, newest first. */
  made(stanza: string): Promise<(NamedPlace & Moment)[]> {
    return rows(
      this.database,
      `select name, timeline, position::float8 as position, time::float8 as time from restore_point
       where stanza = $1 and position is not null order by position desc`,
      [stanza],
    );
  }
}
