import { Controller } from '@nestjs/common';
import {
  changeBackupPolicy,
  convertWal,
  createBackup,
  createDrill,
  createRestorePoint,
  deleteBackup,
  getBackup,
  getBackupPolicy,
  getClusterBackup,
  getClusterBackups,
  getClusterWal,
  getDrills,
  getPolicy,
  getRecoveryWindow,
  getRestorePoints,
  getWal,
  getWalPlace,
  getWindow,
  listBackups,
  listDrills,
  listRestorePoints,
  postBackup,
  postDrill,
  postRestorePoint,
  putPolicy,
  removeBackup,
} from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { Endpoint } from '../endpoint/endpoint.decorator';
import { Input, type RequestOf } from '../endpoint/input';
import { storeReadMs } from '../store-read';

const readingStore = { timeoutMs: storeReadMs };

@Controller()
export class BackupsController {
  constructor(private readonly requester: Requester) {}

  @Endpoint(getClusterBackups)
  list(@Input() { params, query }: RequestOf<typeof getClusterBackups>) {
    return this.requester.ask(listBackups, { ...params, ...query }, readingStore);
  }

  @Endpoint(postBackup)
  create(@Input() { params, body, idempotency }: RequestOf<typeof postBackup>) {
    return this.requester.ask(createBackup, { ...params, request: body, idempotency });
  }

  @Endpoint(getClusterBackup)
  get(@Input() { params }: RequestOf<typeof getClusterBackup>) {
    return this.requester.ask(getBackup, params, readingStore);
  }

  @Endpoint(removeBackup)
  delete(@Input() { params, query }: RequestOf<typeof removeBackup>) {
    return this.requester.ask(deleteBackup, { ...params, cascade: query.cascade === 'true' }, readingStore);
  }

  @Endpoint(getPolicy)
  policy(@Input() { params }: RequestOf<typeof getPolicy>) {
    return this.requester.ask(getBackupPolicy, params);
  }

  @Endpoint(putPolicy)
  changePolicy(@Input() { params, body }: RequestOf<typeof putPolicy>) {
    return this.requester.ask(changeBackupPolicy, { ...params, change: body });
  }

  @Endpoint(postDrill)
  createDrill(@Input() { params, body, idempotency }: RequestOf<typeof postDrill>) {
    return this.requester.ask(createDrill, { ...params, request: body, idempotency }, readingStore);
  }

  @Endpoint(getDrills)
  drills(@Input() { params }: RequestOf<typeof getDrills>) {
    return this.requester.ask(listDrills, params);
  }

  @Endpoint(getWindow)
  window(@Input() { params }: RequestOf<typeof getWindow>) {
    return this.requester.ask(getRecoveryWindow, params, readingStore);
  }

  @Endpoint(postRestorePoint)
  createRestorePoint(@Input() { params, body, idempotency }: RequestOf<typeof postRestorePoint>) {
    return this.requester.ask(createRestorePoint, { ...params, restorePoint: body, idempotency });
  }

  @Endpoint(getRestorePoints)
  restorePoints(@Input() { params }: RequestOf<typeof getRestorePoints>) {
    return this.requester.ask(listRestorePoints, params);
  }

  @Endpoint(getClusterWal)
  wal(@Input() { params }: RequestOf<typeof getClusterWal>) {
    return this.requester.ask(getWal, params);
  }

  @Endpoint(getWalPlace)
  convertWal(@Input() { params, query }: RequestOf<typeof getWalPlace>) {
    return this.requester.ask(convertWal, { ...params, place: query }, readingStore);
  }
}
