import { Controller, type Type } from '@nestjs/common';
import {
  backupOperations,
  clusterOperations,
  type RequestOutput,
  type ServiceName,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Idempotency } from './idempotency';
import { Operations } from './operations';

type Contracts = typeof clusterOperations | typeof backupOperations;
type Shapes = typeof clusterOperations;
type Input<K extends keyof Shapes> = z.output<Shapes[K]['input']>;
type Output<K extends keyof Shapes> = RequestOutput<Shapes[K]>;

const contractsOf = (service: ServiceName): Contracts | undefined =>
  ({ 'cluster-service': clusterOperations, 'backup-service': backupOperations })[service as string];

/** Answers the requests for a service's operations: list, get, retry, cancel. None for a service that has no such contracts. */
export const operationRequestsController = (service: ServiceName): Type[] => {
  const contracts = contractsOf(service) as Shapes | undefined;
  if (!contracts) return [];

  @Controller()
  class OperationRequestsController {
    constructor(
      private readonly operations: Operations,
      private readonly idempotency: Idempotency,
      private readonly dataSource: DataSource,
    ) {}

    @OnRequest(contracts!.list)
    list(query: Input<'list'>): Promise<Output<'list'>> {
      return this.operations.list(query);
    }

    @OnRequest(contracts!.get)
    get({ operationId }: Input<'get'>): Promise<Output<'get'>> {
      return this.operations.get(operationId);
    }

    @OnRequest(contracts!.retry)
    retry({ operationId, idempotency }: Input<'retry'>): Promise<Output<'retry'>> {
      return this.dataSource.transaction((tx) =>
        this.idempotency.once(tx, idempotency, `retry ${operationId}`, () =>
          this.operations.retry(tx, operationId),
        ),
      );
    }

    @OnRequest(contracts!.cancel)
    cancel({ operationId, idempotency }: Input<'cancel'>): Promise<Output<'cancel'>> {
      return this.dataSource.transaction((tx) =>
        this.idempotency.once(tx, idempotency, `cancel ${operationId}`, () =>
          this.operations.cancel(tx, operationId),
        ),
      );
    }
  }
  return [OperationRequestsController];
};
