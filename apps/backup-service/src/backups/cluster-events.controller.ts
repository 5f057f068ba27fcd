import { Controller, Logger } from '@nestjs/common';
import { clusterDeleted, clusterReady, type CloudEvent, type EventData } from '@pgfleet/contracts';
import { OnEvent } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import { Not, type EntityManager } from 'typeorm';
import { StanzaEntity } from '../persistence/stanza.entity';
import { Policies } from '../policy/policies';
import { Drills } from '../drills/drills';
import { FirstBackups } from './first-backups';

/** Follows what happens to a cluster, as far as its backups are concerned. */
@Controller()
export class ClusterEventsController {
  private readonly logger = new Logger('ClusterEvents');

  constructor(
    private readonly operations: Operations,
    private readonly policies: Policies,
    private readonly firstBackups: FirstBackups,
    private readonly drills: Drills,
  ) {}

  @OnEvent(clusterReady)
  async ready(event: CloudEvent<EventData<typeof clusterReady>>, tx: EntityManager): Promise<void> {
    const { clusterId, stanza: name } = event.data;
    if (!(await this.firstBackups.begin(tx, name)))
      return this.logger.warn(`${clusterId} is ready, but its stanza ${name} is not known here`);
    await this.policies.begin(tx, clusterId);
  }

  /** The cluster's lineages stay for as long as the policy says. Operations still running for it have no machine left to run on. */
  @OnEvent(clusterDeleted)
  async deleted(event: CloudEvent<EventData<typeof clusterDeleted>>, tx: EntityManager): Promise<void> {
    const { clusterId, backupsKept } = event.data;
    await tx.update(StanzaEntity, { clusterId }, { clusterDeletedAt: new Date() });
    await tx.update(StanzaEntity, { clusterId, state: Not('deleted') }, { expiryDueAt: new Date() });
    await this.policies.end(tx, clusterId, backupsKept);
    await this.drills.giveUp(tx, clusterId);
    const running = (await this.operations.active(tx, [clusterId])).get(clusterId);
    if (running) await this.operations.cancel(tx, running);
  }
}
