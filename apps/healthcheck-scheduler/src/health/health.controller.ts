import { Controller } from '@nestjs/common';
import { getClusterHealth, type ParsedInput, type RequestOutput } from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { ClusterHealths } from './cluster-health';

@Controller()
export class HealthController {
  constructor(private readonly healths: ClusterHealths) {}

  @OnRequest(getClusterHealth)
  get({ clusterId }: ParsedInput<typeof getClusterHealth>): Promise<RequestOutput<typeof getClusterHealth>> {
    return this.healths.of(clusterId);
  }
}
