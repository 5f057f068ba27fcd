import { Injectable } from '@nestjs/common';
import { getTopology, listWalSights, isNotFound, type JobHost, type Topology } from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { StepFailure } from '@pgfleet/operations';
import { isServed } from '../stanzas/lineages';

/** Finds where to run a cluster's commands, as cluster-service sees it at this moment. */
@Injectable()
export class ClusterLeader {
  constructor(private readonly requester: Requester) {}

  /** The leader's machine; null while there is no leader. */
  async find(clusterId: string): Promise<JobHost | null> {
    const { nodes } = await this.topology(clusterId);
    return hostOf(nodes.find(({ role }) => role === 'leader'));
  }

  /**
   * The leader and a replica that streams from it; null for whichever is missing. Prefers a replica that is not synchronous:
   * commits wait for synchronous ones.
   */
  async findPair(clusterId: string): Promise<{ leader: JobHost | null; replica: JobHost | null }> {
    const { nodes } = await this.topology(clusterId);
    const streaming = nodes.filter(({ role, state }) => role !== 'leader' && state === 'streaming');
    return {
      leader: hostOf(nodes.find(({ role }) => role === 'leader')),
      replica: hostOf(streaming.find(({ role }) => role === 'replica') ?? streaming[0]),
    };
  }

  /** Any machine that can run pgBackRest: the leader if possible, then one that is running. Null for a cluster without machines. */
  async findAny(clusterId: string): Promise<JobHost | null> {
    const topology = await this.topology(clusterId);
    return hostOf(runningOf(topology) ?? topology.nodes[0]);
  }

  /**
   * A machine that reaches the repository, to work on what the cluster has left there. The machine belongs to the cluster itself,
   * or to another serving cluster when this one is gone. Null while there is none.
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
