import { NodeReport } from '@pgfleet/patroni';

const port = 8009;

/** Reads the status of a node's agent (follow_leader). */
export async function agentReport(address: string, signal: AbortSignal): Promise<NodeReport> {
  const response = await fetch(`http://${address}:${port}/status`, { signal });
  return NodeReport.parse(await response.json());
}
