import { Injectable } from '@nestjs/common';
import type { BackupList, Drill, DrillResult } from '@pgfleet/contracts';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';

interface DrillRow {
  operation_id: string;
  stanza: string;
  state: Drill['state'];
  started_at: Date;
  ended_at: Date | null;
  result: DrillResult | null;
  cause: string | null;
}

export interface DrillInput {
  stanza: string;
  clusterId: string;
  backup?: string | undefined;
  time?: string | undefined;
}

/** How many drills of a cluster are shown, and kept. */
const kept = 100;

/** Stores the drills and what they have proven. A cluster runs one drill at a time. */
@Injectable()
export class DrillRows {
  constructor(private readonly database: DataSource) {}

  /** Returns false when another drill of the cluster is running. */
  async begin(
    tx: EntityManager,
    operationId: string,
    { stanza, clusterId }: Pick<DrillInput, 'stanza' | 'clusterId'>,
  ): Promise<boolean> {
    const begun = await rows(
      tx,
      `insert into drill (operation_id, cluster_id, stanza, state) values ($1, $2, $3, 'running')
       on conflict do nothing returning operation_id`,
      [operationId, clusterId, stanza],
    );
    return begun.length > 0;
  }

  /** The operation of the running drill. */
  async running(tx: EntityManager, clusterId: string): Promise<string | null> {
    const [running] = await rows<{ operation_id: string }>(
      tx,
      `select operation_id from drill where cluster_id = $1 and state = 'running'`,
      [clusterId],
    );
    return running?.operation_id ?? null;
  }

  async succeed(
    tx: EntityManager,
    operationId: string,
    { stanza, clusterId }: DrillInput,
    result: DrillResult,
  ): Promise<void> {
    await this.end(tx, operationId, clusterId, 'succeeded', { result });
    const proven = [result.newest, result.moment].flatMap((restore) =>
      restore ? [restore.backupLabel] : [],
    );
    await tx.query(
      `insert into proven_backup (stanza, label, operation_id) select $1, label, $3 from unnest($2::text[]) as label
       on conflict (stanza, label) do update set operation_id = excluded.operation_id, at = excluded.at`,
      [stanza, [...new Set(proven)], operationId],
    );
  }

  fail(tx: EntityManager, operationId: string, { clusterId }: DrillInput, cause: string): Promise<void> {
    return this.end(tx, operationId, clusterId, 'failed', { cause });
  }

  async of(clusterId: string): Promise<Drill[]> {
    const found = await rows<DrillRow>(
      this.database,
      `select * from drill where cluster_id = $1 order by started_at desc limit ${kept}`,
      [clusterId],
    );
    return found.map((row) => ({
      operationId: row.operation_id,
      stanza: row.stanza,
      state: row.state,
      startedAt: row.started_at.toISOString(),
      endedAt: row.ended_at?.toISOString() ?? null,
      result: row.result,
      cause: row.cause,
    }));
  }

  /** The same list, with the drill that has proven each backup. */
  async marked(list: BackupList): Promise<BackupList> {
    const found = await rows<{ label: string; operation_id: string; at: Date }>(
      this.database,
      'select label, operation_id, at from proven_backup where stanza = $1',
      [list.stanza],
    );
    const proofs = new Map(
      found.map(({ label, operation_id: operationId, at }) => [label, { operationId, at: at.toISOString() }]),
    );
    return {
      ...list,
      items: list.items.map((backup) => ({ ...backup, provenBy: proofs.get(backup.label) ?? null })),
    };
  }

  private async end(
    tx: EntityManager,
    operationId: string,
    clusterId: string,
    state: 'succeeded' | 'failed',
    { result = null, cause = null }: { result?: DrillResult | null; cause?: string | null },
  ): Promise<void> {
    await tx.query(
      `update drill set state = $2, ended_at = now(), result = $3, cause = $4 where operation_id = $1`,
      [operationId, state, result && JSON.stringify(result), cause],
    );
    await tx.query(
      `delete from drill where cluster_id = $1 and operation_id not in
         (select operation_id from drill where cluster_id = $1 order by started_at desc limit ${kept})`,
      [clusterId],
    );
  }
}
