import { Controller } from '@nestjs/common';
import {
  clusterDeleted,
  clusterMemberJoined,
  clusterMemberLeft,
  clusterReady,
  clusterStateChanged,
} from '@pgfleet/contracts';
import { OnEvent } from '@pgfleet/messaging';
import { Targets } from './targets';

/** Each of these events may change the list of nodes. The replica that receives it updates the shared tables. */
@Controller()
export class ClusterEventsController {
  constructor(private readonly targets: Targets) {}

  @OnEvent(clusterReady, { inbox: false })
  ready(): Promise<void> {
    return this.refresh();
  }

  /** A cluster is not probed while it is restored. */
  @OnEvent(clusterStateChanged, { inbox: false })
  stateChanged(): Promise<void> {
    return this.refresh();
  }

  @OnEvent(clusterDeleted, { inbox: false })
  deleted(): Promise<void> {
    return this.refresh();
  }

  @OnEvent(clusterMemberJoined, { inbox: false })
  joined(): Promise<void> {
    return this.refresh();
  }

  @OnEvent(clusterMemberLeft, { inbox: false })
  left(): Promise<void> {
    return this.refresh();
  }

  /** Does not wait: a failed refresh is retried until it succeeds. */
  private refresh(): Promise<void> {
    this.targets.refresh();
    return Promise.resolve();
  }
}
