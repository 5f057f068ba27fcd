import { Controller } from '@nestjs/common';
import {
  createBackup,
  deleteBackup,
  getBackup,
  listBackups,
  takeFirstBackup,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { BackupLists } from './backup-lists';
import { Backups } from './backups';
import { FirstBackups } from './first-backups';

@Controller()
export class BackupsController {
  constructor(
    private readonly lists: BackupLists,
    private readonly backups: Backups,
    private readonly firstBackups: FirstBackups,
  ) {}

  @OnRequest(listBackups)
  list({ clusterId, ...page }: ParsedInput<typeof listBackups>): Promise<RequestOutput<typeof listBackups>> {
    return this.lists.page(clusterId, page);
  }

  @OnRequest(getBackup)
  get({ clusterId, label }: ParsedInput<typeof getBackup>): Promise<RequestOutput<typeof getBackup>> {
    return this.lists.find(clusterId, label);
  }

  @OnRequest(createBackup)
  create({
    clusterId,
    request,
    idempotency,
  }: ParsedInput<typeof createBackup>): Promise<RequestOutput<typeof createBackup>> {
    return this.backups.create(clusterId, request, idempotency);
  }

  @OnRequest(deleteBackup)
  delete({
    clusterId,
    label,
    cascade,
  }: ParsedInput<typeof deleteBackup>): Promise<RequestOutput<typeof deleteBackup>> {
    return this.backups.delete(clusterId, label, cascade);
  }

  @OnRequest(takeFirstBackup)
  takeFirst({ stanza }: ParsedInput<typeof takeFirstBackup>): Promise<RequestOutput<typeof takeFirstBackup>> {
    return this.firstBackups.take(stanza);
  }
}
