import { Injectable } from '@nestjs/common';
import { conflict, type Idempotency as IdempotencyInput, type Operation } from '@pgfleet/contracts';
import { Idempotency, Operations } from '@pgfleet/operations';
import { DataSource } from 'typeorm';
import { ClusterRows } from '../clusters/cluster-rows';
import { serves } from '../clusters/cluster-state';
import { ClusterSecrets } from './cluster-secrets';

/** Password changes of customers' roles that customers request. */
@Injectable()
export class PasswordRotations {
  constructor(
    private readonly database: DataSource,
    private readonly rows: ClusterRows,
    private readonly secrets: ClusterSecrets,
    private readonly operations: Operations,
    private readonly idempotency: Idempotency,
  ) {}

  start(clusterId: string, key: IdempotencyInput): Promise<Operation> {
    return this.database.transaction((tx) =>
      this.idempotency.once(tx, key, `rotate credentials ${clusterId}`, async () => {
        const cluster = await this.rows.find(tx, clusterId, { forUpdate: true });
        if (!serves(cluster))
          throw conflict(`The cluster is ${cluster.state}: its password cannot be changed.`, {
            remedy: 'Wait until the cluster is ready, or retry the operation that failed.',
          });
        const operation = await this.operations.start(tx, {
          kind: 'cluster.credentials.rotate',
          clusterId,
          input: {},
        });
        await this.secrets.chooseNextPassword(tx, clusterId);
        return operation;
      }),
    );
  }
}
