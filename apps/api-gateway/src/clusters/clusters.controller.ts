import { Controller } from '@nestjs/common';
import {
  confirmRestore,
  createCluster,
  deleteCluster,
  failover,
  getCluster,
  getClusterById,
  getClusterCredentials,
  getClusterHealth,
  getClusterHistory,
  getClusterLineages,
  getClusters,
  getCredentials,
  getHealthOfCluster,
  getHistory,
  listClusters,
  listLineages,
  postCluster,
  postFailover,
  postReplaceMember,
  postRestore,
  postRestoreConfirm,
  postCredentialsRotate,
  postRestoreUndo,
  postSwitchover,
  putCluster,
  removeCluster,
  replaceMember,
  restoreCluster,
  switchover,
  rotateCredentials,
  undoRestore,
  updateCluster,
} from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { Endpoint } from '../endpoint/endpoint.decorator';
import { Input, type RequestOf } from '../endpoint/input';
import { storeReadMs } from '../store-read';

@Controller()
export class ClustersController {
  constructor(private readonly requester: Requester) {}

  @Endpoint(postCluster)
  create(@Input() { body, idempotency }: RequestOf<typeof postCluster>) {
    const timeoutMs = body.fromBackup ? { timeoutMs: storeReadMs } : {};
    return this.requester.ask(createCluster, { cluster: body, idempotency }, timeoutMs);
  }

  @Endpoint(getClusters)
  list(@Input() { query }: RequestOf<typeof getClusters>) {
    return this.requester.ask(listClusters, query);
  }

  @Endpoint(getClusterById)
  get(@Input() { params }: RequestOf<typeof getClusterById>) {
    return this.requester.ask(getCluster, params);
  }

  @Endpoint(putCluster)
  update(@Input() { params, body }: RequestOf<typeof putCluster>) {
    return this.requester.ask(updateCluster, { ...params, change: body });
  }

  @Endpoint(removeCluster)
  delete(@Input() { params, query }: RequestOf<typeof removeCluster>) {
    return this.requester.ask(deleteCluster, { ...params, keepBackups: query.keepBackups === 'true' });
  }

  @Endpoint(getClusterCredentials)
  credentials(@Input() { params }: RequestOf<typeof getClusterCredentials>) {
    return this.requester.ask(getCredentials, params);
  }

  @Endpoint(getHealthOfCluster)
  health(@Input() { params }: RequestOf<typeof getHealthOfCluster>) {
    return this.requester.ask(getClusterHealth, params);
  }

  @Endpoint(postCredentialsRotate)
  rotateCredentials(@Input() { params, idempotency }: RequestOf<typeof postCredentialsRotate>) {
    return this.requester.ask(rotateCredentials, { ...params, idempotency });
  }

  @Endpoint(postSwitchover)
  switchover(@Input() { params, body, idempotency }: RequestOf<typeof postSwitchover>) {
    return this.requester.ask(switchover, { ...params, request: body, idempotency });
  }

  @Endpoint(postFailover)
  failover(@Input() { params, body, idempotency }: RequestOf<typeof postFailover>) {
    return this.requester.ask(failover, { ...params, request: body, idempotency });
  }

  @Endpoint(postReplaceMember)
  replace(@Input() { params, idempotency }: RequestOf<typeof postReplaceMember>) {
    return this.requester.ask(replaceMember, { ...params, idempotency });
  }

  @Endpoint(getClusterHistory)
  history(@Input() { params }: RequestOf<typeof getClusterHistory>) {
    return this.requester.ask(getHistory, params);
  }

  @Endpoint(postRestore)
  restore(@Input() { params, body, idempotency }: RequestOf<typeof postRestore>) {
    const input = { ...params, request: body, idempotency };
    return this.requester.ask(restoreCluster, input, { timeoutMs: storeReadMs });
  }

  @Endpoint(postRestoreUndo)
  undoRestore(@Input() { params, idempotency }: RequestOf<typeof postRestoreUndo>) {
    return this.requester.ask(undoRestore, { ...params, idempotency });
  }

  @Endpoint(postRestoreConfirm)
  confirmRestore(@Input() { params, idempotency }: RequestOf<typeof postRestoreConfirm>) {
    return this.requester.ask(confirmRestore, { ...params, idempotency });
  }

  @Endpoint(getClusterLineages)
  lineages(@Input() { params }: RequestOf<typeof getClusterLineages>) {
    return this.requester.ask(listLineages, params);
  }
}
