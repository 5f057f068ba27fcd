import { Controller } from '@nestjs/common';
import { convertWal, getWal, type ParsedInput, type RequestOutput } from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { WalStates } from './wal-states';

@Controller()
export class WalController {
  constructor(private readonly states: WalStates) {}

  @OnRequest(getWal)
  get({ clusterId }: ParsedInput<typeof getWal>): Promise<RequestOutput<typeof getWal>> {
    return this.states.of(clusterId);
  }

  @OnRequest(convertWal)
  convert({ clusterId, place }: ParsedInput<typeof convertWal>): Promise<RequestOutput<typeof convertWal>> {
    return this.states.convert(clusterId, place);
  }
}
