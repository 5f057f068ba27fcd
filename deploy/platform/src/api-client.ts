import {
  hasEnded,
  Operation,
  Problem,
  type Cluster,
  type ClusterHistory,
  type CreateCluster,
  type Credentials,
  type FailoverRequest,
  type SwitchoverRequest,
  type UpdateCluster,
  type User,
} from '@pgfleet/contracts';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

/** The API refused, or the answer is not the API's own. */
export class ApiRefusal extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super([problem.detail, problem.remedy].filter(Boolean).join(' '));
  }
}

export interface ApiAddress {
  url: string;
  token: string;
}

type Page<T> = { items: T[]; next: string | null };

/** The public API as a customer's program uses it: REST with a bearer token, nothing else. */
export class ApiClient {
  constructor(readonly address: ApiAddress) {}

  createUser(user: { name: string; email?: string }): Promise<User> {
    return this.call('POST', '/users', user);
  }
  users(): Promise<Page<User>> {
    return this.call('GET', '/users?limit=200');
  }
  createCluster(cluster: {
    name: string;
    userId: string;
    nodes?: number;
    labels?: Record<string, string>;
    failover?: Partial<CreateCluster['failover']>;
  }): Promise<Operation> {
    return this.call('POST', '/clusters', cluster);
  }
  clusters(): Promise<Page<Cluster>> {
    return this.call('GET', '/clusters?limit=200');
  }
  cluster(id: string): Promise<Cluster> {
    return this.call('GET', `/clusters/${id}`);
  }
  credentials(id: string): Promise<Credentials> {
    return this.call('GET', `/clusters/${id}/credentials`);
  }
  updateCluster(id: string, change: UpdateCluster): Promise<Operation> {
    return this.call('PUT', `/clusters/${id}`, change);
  }
  switchover(id: string, body: Partial<SwitchoverRequest> = {}): Promise<Operation> {
    return this.call('POST', `/clusters/${id}/switchover`, body);
  }
  failover(id: string, body: Partial<FailoverRequest> = {}): Promise<Operation> {
    return this.call('POST', `/clusters/${id}/failover`, body);
  }
  replaceMember(id: string, member: string): Promise<Operation> {
    return this.call('POST', `/clusters/${id}/members/${member}/replace`);
  }
  /** The cluster's leaders, newest first. */
  history(id: string): Promise<ClusterHistory> {
    return this.call('GET', `/clusters/${id}/history`);
  }
  deleteCluster(id: string, keepBackups = true): Promise<Operation> {
    return this.call('DELETE', `/clusters/${id}?keepBackups=${keepBackups}`);
  }
  operation(id: string): Promise<Operation> {
    return this.call('GET', `/operations/${id}`);
  }
  retry(id: string): Promise<Operation> {
    return this.call('POST', `/operations/${id}/retry`);
  }

  /** Calls any route, including those without a method here. */
  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const response = await fetch(`${this.address.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.address.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (response.ok) return (text ? JSON.parse(text) : undefined) as T;
    const problem = Problem.safeParse(parse(text));
    if (problem.success) throw new ApiRefusal(response.status, problem.data);
    throw new Error(
      `${method} ${path} answered ${response.status} and no problem+json: ${text.slice(0, 200)}`,
    );
  }

  /**
   * Follows an operation to its end and returns it. Calls `onChange` whenever the operation changes. While the control plane is
   * down the operation cannot be seen, but it may still be running: silence is tolerated until `withinMs` is over.
   */
  async follow(
    id: string,
    withinMs: number,
    onChange: (operation: Operation) => void = () => undefined,
  ): Promise<Operation> {
    const deadline = Date.now() + withinMs;
    let last = '';
    for (;;) {
      const operation = await this.operation(id).catch((error: unknown) => {
        if (Date.now() > deadline || (error instanceof ApiRefusal && error.status < 500)) throw error;
        return null;
      });
      const text = JSON.stringify(operation);
      if (operation && text !== last) onChange(operation);
      last = text;
      if (operation && hasEnded(operation)) return operation;
      if (Date.now() > deadline)
        throw new Error(`operation ${id} has not ended within ${withinMs / 1000} s: ${text}`);
      await pause(200);
    }
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
