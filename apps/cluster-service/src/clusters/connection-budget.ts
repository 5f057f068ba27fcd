/**
 * How PostgreSQL's connections are shared: `max_connections` of postgres_node, less what it reserves for the platform.
 * See docs/decisions/0014.
 */
const customers = 300 - 20;
/** On each of the two session ports. */
const sessions = 50;
const localPool = 30;
const largestLeaderPool = 80;

export interface ConnectionBudget {
  /** Of each node's pooler that leads to the leader: after switchovers all of them may. */
  leaderPool: number;
  /** Of each node's pooler that reads on the node itself. */
  localPool: number;
  /** That a node takes through each session port. */
  sessions: number;
}

export const connectionBudget = (nodes: number): ConnectionBudget => ({
  leaderPool: Math.min(largestLeaderPool, Math.floor((customers - 2 * sessions - localPool) / nodes)),
  localPool,
  sessions,
});
