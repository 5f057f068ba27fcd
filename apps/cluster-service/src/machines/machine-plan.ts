/**
 * A cluster's machines. Names are deterministic, so ordering a machine again finds it. They use the tail of a UUIDv7, which is
 * random; its head is the time, which two clusters may share.
 */
export interface PlannedMachine {
  name: string;
  kind: 'node' | 'load_balancer';
}

/** The name of the node with that number. */
export const nodeName = (clusterId: string, number: number): string => `${clusterId.slice(-12)}-${number}`;

/** The number of the next node. */
export const nextNode = ({ nodes, lastNode }: { nodes: number; lastNode: number | null }): number =>
  Math.max(nodes, lastNode ?? 0) + 1;

export function planMachines(clusterId: string, nodes: number): PlannedMachine[] {
  const short = clusterId.slice(-12);
  return [
    ...Array.from({ length: nodes }, (_, index) => ({
      name: nodeName(clusterId, index + 1),
      kind: 'node' as const,
    })),
    { name: `${short}-lb`, kind: 'load_balancer' as const },
  ];
}
