import type { EntityManager, EntitySubscriberInterface, QueryRunner } from 'typeorm';

const writers = new WeakSet<QueryRunner>();

/** Remembers that the transaction on this connection wrote to the outbox. */
export const markOutboxWritten = ({ queryRunner }: EntityManager): void => {
  if (!queryRunner?.isTransactionActive) {
    throw new Error('The outbox is written in a transaction only: pass the EntityManager of the transaction');
  }
  writers.add(queryRunner);
};

/** Wakes the relay right after the commit of a transaction that wrote to the outbox. */
export class OutboxCommitSubscriber implements EntitySubscriberInterface {
  constructor(private readonly wake: () => void) {}

  afterTransactionCommit({ queryRunner }: { queryRunner: QueryRunner }): void {
    if (writers.has(queryRunner)) this.wake();
  }
}
