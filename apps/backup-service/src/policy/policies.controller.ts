import { Controller } from '@nestjs/common';
import {
  changeBackupPolicy,
  getBackupPolicy,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { Policies } from './policies';

@Controller()
export class PoliciesController {
  constructor(private readonly policies: Policies) {}

  @OnRequest(getBackupPolicy)
  get({ clusterId }: ParsedInput<typeof getBackupPolicy>): Promise<RequestOutput<typeof getBackupPolicy>> {
    return this.policies.of(clusterId);
  }

  @OnRequest(changeBackupPolicy)
  change({
    clusterId,
    change,
  }: ParsedInput<typeof changeBackupPolicy>): Promise<RequestOutput<typeof changeBackupPolicy>> {
    return this.policies.change(clusterId, change);
  }
}
