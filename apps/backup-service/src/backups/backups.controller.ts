import { Controller } from '@nestjs/common';
import { listBackups, type ParsedInput, type RequestOutput } from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { BackupLists } from './backup-lists';

@Controller()
export class BackupsController {
  constructor(private readonly lists: BackupLists) {}

  @OnRequest(listBackups)
  list({ clusterId }: ParsedInput<typeof listBackups>): Promise<RequestOutput<typeof listBackups>> {
    return this.lists.of(clusterId);
  }
}
