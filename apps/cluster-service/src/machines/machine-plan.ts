/**
 * The machines of a cluster, named so that ordering them again finds them again. The tail of a UUIDv7 is random; its head is the time,
 * which two clusters may share.
 */
export interface PlannedMachine {
  name: string;
  kind: 'node' | 'load_balancer';
}

/** How the node of that number is named. */
export const nodeName = (clusterId: string, number: number): string => `${clusterId.slice(-12)}-${number}`;

/** The number that the next node gets. */
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
