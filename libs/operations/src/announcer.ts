import { Inject, Injectable } from '@nestjs/common';
import { type ServiceName, stepSubject } from '@pgfleet/contracts';
import { Outbox, SERVICE } from '@pgfleet/messaging';
import { rows } from '@pgfleet/persistence';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationRow } from './operation-row';

/** What is on `steps.<service>.<operationId>`: the operation is to be run, if it is still at this turn. */
export const StepMessage = z.object({ operationId: z.string(), turn: z.int() });
export type StepMessage = z.infer<typeof StepMessage>;

/** Asks for runs of operations, by messages that go out with the commit. */
@Injectable()
export class Announcer {
  constructor(
    private readonly outbox: Outbox,
    @Inject(SERVICE) private readonly service: ServiceName,
  ) {}

  /** Lets the operation run `afterMs` from now, and not for any earlier request. Other columns of the row are the caller's. */
  async nextTurn(tx: EntityManager, operationId: string, afterMs = 0): Promise<void> {
    const [row] = await rows<{ turn: number; due_at: Date }>(
      tx,
      `UPDATE operation SET turn = turn + 1, due_at = clock_timestamp() + $2 * interval '1 millisecond',
         announced_at = clock_timestamp(), updated_at = clock_timestamp()
       WHERE id = $1 RETURNING turn, due_at`,
      [operationId, afterMs],
    );
    const { turn, due_at } = row!;
    // The message of the turn before may be waiting for its time still: nobody needs it any more.
    await this.outbox.withdraw(tx, messageId(operationId, turn - 1));
    await this.send(tx, operationId, turn, messageId(operationId, turn), afterMs > 0 ? due_at : undefined);
  }

  /** Sends the message of a turn once more, for one that was lost. */
  async repeat(tx: EntityManager, operationId: string, turn: number): Promise<void> {
    await this.send(tx, operationId, turn, `${messageId(operationId, turn)}/${Date.now()}`);
  }

  /** Takes the message of the row's turn back, if it is not out yet. */
  async withdraw(tx: EntityManager, { id, turn }: OperationRow): Promise<void> {
    await this.outbox.withdraw(tx, messageId(id, turn));
  }

  subject(operationId: string): string {
    return stepSubject(this.service, operationId);
  }

  private async send(
    tx: EntityManager,
    operationId: string,
    turn: number,
    id: string,
    notBefore?: Date,
  ): Promise<void> {
    const message: StepMessage = { operationId, turn };
    await this.outbox.send(tx, this.subject(operationId), message, { id, notBefore });
  }
}

const messageId = (operationId: string, turn: number): string => `${operationId}/${turn}`;
