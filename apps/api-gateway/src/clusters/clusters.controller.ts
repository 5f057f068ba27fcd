import { Controller } from '@nestjs/common';
import {
  createCluster,
  deleteCluster,
  getCluster,
  getClusterBackups,
  getClusterById,
  getClusterCredentials,
  getClusterHealth,
  getClusters,
  getCredentials,
  getHealthOfCluster,
  listBackups,
  listClusters,
  postCluster,
  putCluster,
  removeCluster,
  updateCluster,
} from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { Endpoint } from '../endpoint/endpoint.decorator';
import { Input, type RequestOf } from '../endpoint/input';

@Controller()
export class ClustersController {
  constructor(private readonly requester: Requester) {}

  @Endpoint(postCluster)
  create(@Input() { body, idempotency }: RequestOf<typeof postCluster>) {
    return this.requester.ask(createCluster, { cluster: body, idempotency });
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

  @Endpoint(getClusterBackups)
  backups(@Input() { params }: RequestOf<typeof getClusterBackups>) {
    return this.requester.ask(listBackups, params);
  }

  @Endpoint(getHealthOfCluster)
  health(@Input() { params }: RequestOf<typeof getHealthOfCluster>) {
    return this.requester.ask(getClusterHealth, params);
  }
}
