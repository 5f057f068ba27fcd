import { Controller } from '@nestjs/common';
import {
  checkRestoreTarget,
  getRecoveryWindow,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { RecoveryWindows } from './recovery-windows';

@Controller()
export class RecoveryWindowsController {
  constructor(private readonly windows: RecoveryWindows) {}

  @OnRequest(getRecoveryWindow)
  window({
    clusterId,
  }: ParsedInput<typeof getRecoveryWindow>): Promise<RequestOutput<typeof getRecoveryWindow>> {
    return this.windows.of(clusterId);
  }

  @OnRequest(checkRestoreTarget)
  check({
    stanza,
    target,
  }: ParsedInput<typeof checkRestoreTarget>): Promise<RequestOutput<typeof checkRestoreTarget>> {
    return this.windows.check(stanza, target);
  }
}
