import { Injectable } from '@nestjs/common';
import { createStanza } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { again, fail, next, wait, type Outcome, type StepContext } from '@pgfleet/operations';
import type { ClusterEntity } from '../persistence/cluster.entity';
import { unlessBusy } from './unless-busy';

const stanzaMs = 180_000;
const askAgainMs = 2_000;

/**
 * The step in which backup-service creates the stanza and proves that a WAL segment reaches the repository. Its event is the
 * signal.
 */
@Injectable()
export class StanzaMaking {
  constructor(private readonly requester: Requester) {}

  async step(context: StepContext<unknown>, cluster: ClusterEntity): Promise<Outcome> {
    const ended = context.signal<{ cause?: string; remedy?: string }>('stanza');
    if (ended) return ended.cause ? fail(ended.cause, ended.remedy ?? 'Retry the operation.') : next();
    if (context.expired) {
      return fail(
        `Backup-service did not make the stanza within ${stanzaMs / 1000} s.`,
        'Look at its operation in GET /operations, then retry this one.',
      );
    }
    const { id: clusterId, stanza } = cluster;
    const order = { clusterId, stanza, requestedBy: context.operationId };
    const making = await unlessBusy(this.requester.ask(createStanza, order));
    if (!making) {
      if (Date.now() - context.stepStartedAt.getTime() < stanzaMs) return again(askAgainMs);
      return fail(
        `Backup-service has had something else to end for the cluster for ${stanzaMs / 1000} s.`,
        'Look at its operations of the cluster in GET /operations, then retry this one.',
      );
    }
    const { state } = making;
    // The creation may have ended earlier, while this step was not waiting. Then no further event arrives.
    if (state === 'succeeded') return next();
    return wait('stanza', stanzaMs);
  }
}
