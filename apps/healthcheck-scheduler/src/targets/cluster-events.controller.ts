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

/** After each of these the list of nodes may be another. Whichever replica hears it brings the shared tables up to date. */
@Controller()
export class ClusterEventsController {
  constructor(private readonly targets: Targets) {}

  @OnEvent(clusterReady, { inbox: false })
  ready(): Promise<void> {
    return this.refresh();
  }

  /** A cluster is not probed while it is restored, and is again afterwards. */
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

  /** Not waited for: a refresh that fails is repeated until it succeeds. */
  private refresh(): Promise<void> {
    this.targets.refresh();
    return Promise.resolve();
  }
}
