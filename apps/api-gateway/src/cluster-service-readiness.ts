import { Injectable } from '@nestjs/common';
import { listUsers } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { Readiness } from '@pgfleet/observability';

const timeoutMs = 1_500;

/** The gateway is useless without the cluster-service, so readiness checks it. The messaging module checks NATS. */
@Injectable()
export class ClusterServiceReadiness {
  constructor(readiness: Readiness, requester: Requester) {
    readiness.register('cluster-service', async () => {
      await requester.ask(listUsers, { limit: 1 }, { timeoutMs });
    });
  }
}
