import type { Cluster, Operation } from '@pgfleet/contracts';
import { connectLab, labPaths, labSettings, type LabClient } from '@pgfleet/lab';
import { ApiClient, ControlMachine, platformAccess, stepTimes } from '@pgfleet/platform';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The platform under test, as its users and its machine room see it. */
export interface TestPlatform {
  lab: LabClient;
  api: ApiClient;
  control: ControlMachine;
  nats: { url: string; user: string; password: string; ca: string };
  /** The command that leads to a machine of the lab. */
  ssh: readonly string[];
  /** Runs a shell command on a machine as root and gives its standard output. */
  on(machine: string, command: string): Promise<string>;
}

/** Finds the platform that the global setup brought up. */
export async function testPlatform(): Promise<TestPlatform> {
  const settings = labSettings();
  const lab = await connectLab(settings);
  const control = new ControlMachine(settings);
  const access = await platformAccess(control, await lab.list());
  const config = labPaths(settings).sshConfig;
  const ssh = ['ssh', '-F', config, '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=10'];
  const on = async (machine: string, command: string): Promise<string> =>
    (await execute('ssh', [...ssh.slice(1), machine, command], { maxBuffer: 64 << 20 })).stdout;
  return { lab, api: new ApiClient(access.api), control, nats: access.nats, ssh, on };
}

/** Follows an operation to its end, which is to be a success; throws with the step that failed, why, and what each step took. */
export async function succeeds(api: ApiClient, operationId: string, withinMs: number): Promise<Operation> {
  const ended = await api.follow(operationId, withinMs);
  if (ended.state === 'succeeded') return ended;
  const steps = stepTimes(ended).map((line) => `  ${line}`);
  throw new Error(
    [`${ended.kind} ${ended.id} is ${ended.state}: ${JSON.stringify(ended.error)}`, ...steps].join('\n'),
  );
}

/** A user of the tests; made once. */
export async function testUser(api: ApiClient): Promise<string> {
  const existing = (await api.users()).items.find(({ name }) => name === 'e2e');
  return (existing ?? (await api.createUser({ name: 'e2e' }))).id;
}

/** The cluster that specs share when they do not need one of their own: made by whichever needs it first, whole when given. */
export async function sharedCluster(api: ApiClient): Promise<Cluster> {
  const userId = await testUser(api);
  const existing = (await api.clusters()).items.find(({ name }) => name === 'shared');
  if (!existing) {
    const operation = await api.createCluster({ name: 'shared', userId, nodes: 3 });
    await succeeds(api, operation.id, 180_000);
    return api.cluster(operation.clusterId ?? '');
  }
  return untilCluster(api, existing.id, ({ state }) => state === 'ready', 120_000);
}

/** Waits until the API shows what is expected of a cluster, and gives it. */
export async function untilCluster(
  api: ApiClient,
  id: string,
  holds: (cluster: Cluster) => boolean,
  withinMs: number,
): Promise<Cluster> {
  return until(
    () => api.cluster(id).catch(() => null),
    (cluster): cluster is Cluster => cluster !== null && holds(cluster),
    withinMs,
  );
}

/** Looks again and again until what it sees is as expected; fails showing the last sight. */
export async function until<T, Seen extends T>(
  look: () => Promise<T>,
  holds: ((sight: T) => sight is Seen) | ((sight: T) => boolean),
  withinMs: number,
  everyMs = 100,
): Promise<Seen> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const sight = await look();
    if (holds(sight)) return sight as Seen;
    if (Date.now() > deadline)
      throw new Error(`not seen within ${withinMs / 1000} s; last: ${JSON.stringify(sight)}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

export const leaderOf = (cluster: Cluster): string | undefined =>
  cluster.members.find(({ role }) => role === 'leader')?.name;
