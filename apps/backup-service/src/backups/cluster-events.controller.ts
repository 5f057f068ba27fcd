import { Controller, Logger } from '@nestjs/common';
import { clusterDeleted, clusterReady, type CloudEvent, type EventData } from '@pgfleet/contracts';
import { OnEvent } from '@pgfleet/messaging';
import { Operations } from '@pgfleet/operations';
import type { EntityManager } from 'typeorm';
import { StanzaEntity } from '../persistence/stanza.entity';
import { RunBackup } from './run-backup.program';

/** What becomes of a cluster, as far as its backups are concerned. */
@Controller()
export class ClusterEventsController {
  private readonly logger = new Logger('ClusterEvents');

  constructor(private readonly operations: Operations) {}

  /** The first full backup of a lineage: without one its WAL cannot be restored. */
  @OnEvent(clusterReady)
  async ready(event: CloudEvent<EventData<typeof clusterReady>>, tx: EntityManager): Promise<void> {
    const { clusterId, stanza: name } = event.data;
    const stanza = await tx.findOne(StanzaEntity, { where: { name }, lock: { mode: 'pessimistic_write' } });
    if (!stanza) return this.logger.warn(`${clusterId} is ready, but its stanza ${name} is not known here`);
    if (stanza.firstBackup) return;
    const input = { stanza: name, clusterId, type: 'full' };
    const { id } = await this.operations.start(tx, { kind: RunBackup.kind, clusterId, input });
    await tx.update(StanzaEntity, { name }, { firstBackup: id });
  }

  /** The lineage stays, as long as its backups do; what still runs for it has no machine left to run on. */
  @OnEvent(clusterDeleted)
  async deleted(event: CloudEvent<EventData<typeof clusterDeleted>>, tx: EntityManager): Promise<void> {
    const { clusterId } = event.data;
    await tx.update(StanzaEntity, { clusterId }, { clusterDeletedAt: new Date() });
    const running = (await this.operations.active(tx, [clusterId])).get(clusterId);
    if (running) await this.operations.cancel(tx, running);
  }
}
