import { Injectable } from '@nestjs/common';
import {
  backupOperations,
  clusterOperations,
  type Idempotency,
  type ListOperationsQuery,
  notFound,
  type Operation,
  type OperationList,
  ProblemError,
} from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';

const owners = [clusterOperations, backupOperations] as const;
const isUnavailable = (error: unknown) => error instanceof ProblemError && error.problem.status === 503;

/** Queries the services that own operations as if they were one. */
@Injectable()
export class OperationOwners {
  constructor(private readonly requester: Requester) {}

  get(operationId: string): Promise<Operation> {
    return this.ofOwner(owners.map(({ get }) => this.requester.ask(get, { operationId })));
  }

  retry(operationId: string, idempotency: Idempotency): Promise<Operation> {
    return this.ofOwner(owners.map(({ retry }) => this.requester.ask(retry, { operationId, idempotency })));
  }

  cancel(operationId: string, idempotency: Idempotency): Promise<Operation> {
    return this.ofOwner(owners.map(({ cancel }) => this.requester.ask(cancel, { operationId, idempotency })));
  }

  /** Ids grow with time, so merging the newest page of each service by id gives the newest of all. */
  async list(query: ListOperationsQuery): Promise<OperationList> {
    const answers = await Promise.allSettled(owners.map(({ list }) => this.requester.ask(list, query)));
    const failed = answers.filter((answer) => answer.status === 'rejected');
    const refusal =
      failed.find(({ reason }) => !isUnavailable(reason)) ?? (failed.length === owners.length && failed[0]);
    if (refusal) throw refusal.reason;
    const pages = answers.filter((answer) => answer.status === 'fulfilled').map(({ value }) => value);
    const all = pages.flatMap(({ items }) => items).sort((a, b) => (a.id < b.id ? 1 : -1));
    const items = all.slice(0, query.limit);
    const more = all.length > items.length || pages.some(({ next }) => next !== null);
    return {
      items,
      next: more ? (items.at(-1)?.id ?? null) : null,
      unavailable: owners
        .filter((_, at) => answers[at]?.status === 'rejected')
        .map(({ list }) => list.service),
    };
  }

  /**
   * Resolves with the owner's answer as soon as it arrives. A service that does not know the operation answers null. A service that does
   * not answer at all matters only if no other service knows the operation.
   */
  private ofOwner(answers: Promise<Operation | null>[]): Promise<Operation> {
    return new Promise((resolve, reject) => {
      let silent: unknown;
      const settled = answers.map((answer) =>
        answer.then(
          (operation) => operation && resolve(operation),
          (error: unknown) => {
            if (isUnavailable(error)) silent ??= error;
            else reject(error as Error);
          },
        ),
      );
      void Promise.all(settled).then(() =>
        reject((silent as Error) ?? notFound('The operation does not exist')),
      );
    });
  }
}
