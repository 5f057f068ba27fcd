/**
 * The machines of a cluster, named so that ordering them again finds them again. The tail of a UUIDv7 is random; its head is the time,
 * which two clusters may share.
 */
export interface PlannedMachine {
  name: string;
  kind: 'node' | 'load_balancer';
}

export function planMachines(clusterId: string, nodes: number): PlannedMachine[] {
  const short = clusterId.slice(-12);
  return [
    ...Array.from({ length: nodes }, (_, index) => ({
      name: `${short}-${index + 1}`,
      kind: 'node' as const,
    })),
    { name: `${short}-lb`, kind: 'load_balancer' as const },
  ];
}
