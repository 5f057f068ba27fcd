/**
 * How PostgreSQL's connections are shared: `max_connections` of postgres_node minus the platform's reserve. See
 * docs/decisions/0014.
 */
const customers = 300 - 20;
/** On each of the two session ports. */
const sessions = 50;
const localPool = 30;
const largestLeaderPool = 80;

export interface ConnectionBudget {
  /** Pool size per node for connections to the leader. After switchovers, every node's pooler may connect to it. */
  leaderPool: number;
  /** Pool size per node for reads on the node itself. */
  localPool: number;
  /** Sessions that a node accepts on each session port. */
  sessions: number;
}

export const connectionBudget = (nodes: number): ConnectionBudget => ({
  leaderPool: Math.min(largestLeaderPool, Math.floor((customers - 2 * sessions - localPool) / nodes)),
  localPool,
  sessions,
});
