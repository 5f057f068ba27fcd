import { Controller } from '@nestjs/common';
import {
  createRestorePoint,
  listRestorePoints,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { RestorePoints } from './restore-points';

@Controller()
export class RestorePointsController {
  constructor(private readonly points: RestorePoints) {}

  @OnRequest(createRestorePoint)
  create({
    clusterId,
    restorePoint,
    idempotency,
  }: ParsedInput<typeof createRestorePoint>): Promise<RequestOutput<typeof createRestorePoint>> {
    return this.points.create(clusterId, restorePoint, idempotency);
  }

  @OnRequest(listRestorePoints)
  list({
    clusterId,
  }: ParsedInput<typeof listRestorePoints>): Promise<RequestOutput<typeof listRestorePoints>> {
    return this.points.list(clusterId);
  }
}
