import { Injectable } from '@nestjs/common';
import { listUsers } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { Readiness } from '@pgfleet/observability';

const timeoutMs = 1_500;

/** Without the cluster-service there is nothing that the gateway could do. NATS is looked at by the messaging module. */
@Injectable()
export class ClusterServiceReadiness {
  constructor(readiness: Readiness, requester: Requester) {
    readiness.register('cluster-service', async () => {
      await requester.ask(listUsers, { limit: 1 }, { timeoutMs });
    });
  }
}
