import { type Cluster, type Leadership, newId, type Operation, type User } from '@pgfleet/contracts';

const createdAt = '2026-11-23T12:00:00.000Z';

export const aUser = (change: Partial<User> = {}): User => ({
  id: newId('usr'),
  name: 'Ada',
  email: null,
  labels: {},
  createdAt,
  updatedAt: createdAt,
  ...change,
});

export const anOperation = (change: Partial<Operation> = {}): Operation => ({
  id: newId('op'),
  kind: 'cluster.create',
  clusterId: newId('clu'),
  state: 'running',
  steps: [{ name: 'reserve', state: 'running', attempt: 1, startedAt: createdAt, endedAt: null }],
  scheduledAt: null,
  createdAt,
  updatedAt: createdAt,
  ...change,
});

export const aCluster = (change: Partial<Cluster> = {}): Cluster => ({
  id: newId('clu'),
  name: 'orders',
  userId: newId('usr'),
  description: '',
  labels: {},
  state: 'ready',
  nodes: 3,
  postgresVersion: 17,
  timeline: 1,
  failover: {
    profile: 'fast',
    durability: 'quorum',
    fencing: true,
    fencingPossible: true,
    failsafe: true,
    leaderLossSeconds: 24,
    etcdLossSeconds: 5,
  },
  durability: { configured: 'quorum', effective: 'quorum', alone: false, since: null },
  pendingMachines: [],
  members: [],
  tls: 'required',
  connection: null,
  operationId: null,
  createdAt,
  updatedAt: createdAt,
  ...change,
});

export const aLeadership = (change: Partial<Leadership> = {}): Leadership => ({
  leader: 'n2',
  timeline: 2,
  origin: 'unplanned',
  since: createdAt,
  until: null,
  cause: 'the lease of n1 ran out: its machine, its network or its Patroni is gone',
  promotedAt: '0/5000060',
  outageMs: 21_000,
  outageBound: 'exact',
  loss: { bytes: 0, sure: true },
  measuredLoss: { bytes: 0, transactions: 0 },
  operationId: null,
  patroniReason: 'no recovery target specified',
  ...change,
});
