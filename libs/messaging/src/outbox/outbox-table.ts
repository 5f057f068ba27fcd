import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { rows } from '@pgfleet/persistence';
import { DataSource } from 'typeorm';

export interface OutboxRow {
  readonly seq: string;
  readonly id: string;
  /** Rows with the same one are published in the order in which they were written. */
  readonly orderingKey: string | null;
  readonly subject: string;
  readonly payload: string;
  /** This try, counted from 1. */
  readonly attempts: number;
}

const batchSize = 64;

/**
 * Of an ordered aggregate only who gets the oldest row that is still there gets any, and then all behind it that may go: no later one
 * overtakes an earlier one, and a change that tells of many things does not wait for a claim and a removal for each.
 */
const isHead = `(ordering_key IS NULL OR NOT EXISTS (
  SELECT FROM outbox AS earlier WHERE earlier.ordering_key = due.ordering_key AND earlier.seq < due.seq))`;
const canGo = 'not_before <= now() AND (lease_until IS NULL OR lease_until < now())';

/** The outbox as the relays of a service see it; each process is one lease owner. */
@Injectable()
export class OutboxTable {
  private readonly owner = randomUUID();

  constructor(readonly dataSource: DataSource) {}

  /** Leases due rows to this process, until they are removed or `leaseMs` is over. */
  async claim(leaseMs: number): Promise<OutboxRow[]> {
    const claimed = await rows<OutboxRow>(
      this.dataSource,
      `WITH head AS (
         SELECT seq, ordering_key FROM outbox AS due WHERE ${canGo} AND ${isHead}
         ORDER BY seq LIMIT ${batchSize} FOR UPDATE SKIP LOCKED),
       behind AS (
         SELECT seq, bool_and(${canGo}) OVER (PARTITION BY ordering_key ORDER BY seq) AS may_go,
           row_number() OVER (PARTITION BY ordering_key ORDER BY seq) AS nth
         FROM outbox WHERE ordering_key IN (SELECT ordering_key FROM head))
       UPDATE outbox SET lease_owner = $1, lease_until = now() + $2 * interval '1 millisecond', attempts = attempts + 1
       WHERE seq IN (SELECT seq FROM head UNION SELECT seq FROM behind WHERE may_go AND nth <= ${batchSize})
       RETURNING seq, id, ordering_key AS "orderingKey", subject, payload, attempts`,
      [this.owner, leaseMs],
    );
    return claimed.sort((a, b) => Number(a.seq) - Number(b.seq));
  }

  async remove(published: readonly OutboxRow[]): Promise<void> {
    if (published.length === 0) return;
    await this.dataSource.query('DELETE FROM outbox WHERE seq = ANY($1)', [published.map((row) => row.seq)]);
  }

  /** Gives a row back that could not be published, to be tried again after `delayMs`. */
  async release(row: OutboxRow, reason: string, delayMs: number): Promise<void> {
    await this.dataSource.query(
      `UPDATE outbox SET lease_until = clock_timestamp() + $3 * interval '1 millisecond', last_error = $4
       WHERE seq = $1 AND lease_owner = $2`,
      [row.seq, this.owner, delayMs, reason],
    );
  }

  /** Gives rows back that were not tried. */
  async giveBack(untried: readonly OutboxRow[]): Promise<void> {
    if (untried.length === 0) return;
    await this.dataSource.query(
      `UPDATE outbox SET lease_owner = NULL, lease_until = NULL, attempts = attempts - 1 WHERE seq = ANY($1) AND lease_owner = $2`,
      [untried.map((row) => row.seq), this.owner],
    );
  }

  /** Milliseconds until the next row can be claimed, as far as is known now. */
  async nextDueInMs(): Promise<number> {
    const [next] = await rows<{ ms: number | null }>(
      this.dataSource,
      `SELECT extract(epoch FROM min(greatest(not_before, lease_until)) - clock_timestamp())::float8 * 1000 AS ms
       FROM outbox AS due WHERE ${isHead}`,
    );
    return next?.ms == null ? Infinity : Math.max(5, Math.ceil(next.ms));
  }
}
