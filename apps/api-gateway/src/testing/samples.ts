import { type Cluster, newId, type Operation, type User } from '@pgfleet/contracts';

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
  members: [],
  connection: null,
  operationId: null,
  createdAt,
  updatedAt: createdAt,
  ...change,
});
