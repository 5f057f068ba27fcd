import { Injectable } from '@nestjs/common';
import { getTopology, listWalSights, isNotFound, type JobHost, type Topology } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { StepFailure } from '@pgfleet/operations';
import { isServed } from '../stanzas/lineages';

/** Where a cluster's commands are to be run, as cluster-service sees it at this moment. */
@Injectable()
export class ClusterLeader {
  constructor(private readonly requester: Requester) {}

  /** The machine of the leader, null while nobody leads. */
  async find(clusterId: string): Promise<JobHost | null> {
    const { nodes } = await this.topology(clusterId);
    return hostOf(nodes.find(({ role }) => role === 'leader'));
  }

  /**
   * The leader and a replica that streams from it; null for one that there is not. By preference no synchronous one: commits wait for
   * those.
   */
  async findPair(clusterId: string): Promise<{ leader: JobHost | null; replica: JobHost | null }> {
    const { nodes } = await this.topology(clusterId);
    const streaming = nodes.filter(({ role, state }) => role !== 'leader' && state === 'streaming');
    return {
      leader: hostOf(nodes.find(({ role }) => role === 'leader')),
      replica: hostOf(streaming.find(({ role }) => role === 'replica') ?? streaming[0]),
    };
  }

  /** Any machine that pgBackRest can be asked on: the leader by preference, then one that runs. Null for a cluster without machines. */
  async findAny(clusterId: string): Promise<JobHost | null> {
    const topology = await this.topology(clusterId);
    return hostOf(runningOf(topology) ?? topology.nodes[0]);
  }

  /**
   * One that reaches the store, for what the cluster has left there, which may have outlived it: of the cluster itself, or of another that
   * serves when it is gone. Null while there is none.
   */
  async findNear(clusterId: string): Promise<JobHost | null> {
    const own = await this.servingHost(clusterId);
    if (own !== 'gone') return own;
    for (const { clusterId: other } of await this.requester.ask(listWalSights, {})) {
      const host = await this.servingHost(other);
      if (host !== 'gone' && host !== null) return host;
    }
    return null;
  }

  private async servingHost(clusterId: string): Promise<JobHost | null | 'gone'> {
    try {
      const cluster = await this.requester.ask(getTopology, { clusterId });
      return isServed(cluster) ? hostOf(runningOf(cluster)) : null;
    } catch (error) {
      if (isNotFound(error)) return 'gone';
      throw error;
    }
  }

  private async topology(clusterId: string): Promise<Topology> {
    try {
      return await this.requester.ask(getTopology, { clusterId });
    } catch (error) {
      if (isNotFound(error))
        throw new StepFailure(
          'The cluster is gone, and with it the machines to run pgBackRest on.',
          'Nothing is left to do for this cluster.',
        );
      throw error;
    }
  }
}

const runningOf = ({ nodes }: Topology): Topology['nodes'][number] | undefined =>
  nodes.find(({ role }) => role === 'leader') ??
  nodes.find(({ state }) => state === 'running' || state === 'streaming');

const hostOf = (node: Topology['nodes'][number] | undefined): JobHost | null =>
  node ? { name: node.name, address: node.address, hostKey: node.hostKey, user: node.user } : null;
