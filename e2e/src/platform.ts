import type { Cluster, Operation } from '@pgfleet/contracts';
import { connectLab, labPaths, labSettings, type LabClient } from '@pgfleet/lab';
import { ApiClient, ControlMachine, platformAccess, stepTimes } from '@pgfleet/platform';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The platform under test, as its users and its lab see it. */
export interface TestPlatform {
  lab: LabClient;
  api: ApiClient;
  control: ControlMachine;
  nats: { url: string; user: string; password: string; ca: string };
  /** The command that connects to a machine of the lab. */
  ssh: readonly string[];
  /** Runs a shell command as root on a machine and returns its standard output. */
  on(machine: string, command: string): Promise<string>;
}

/** Finds the platform that the global setup started. */
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

/** Follows an operation that must succeed. Otherwise throws with the failed step, the reason, and how long each step took. */
export async function succeeds(api: ApiClient, operationId: string, withinMs: number): Promise<Operation> {
  const ended = await api.follow(operationId, withinMs);
  if (ended.state === 'succeeded') return ended;
  const steps = stepTimes(ended).map((line) => `  ${line}`);
  throw new Error(
    [`${ended.kind} ${ended.id} is ${ended.state}: ${JSON.stringify(ended.error)}`, ...steps].join('\n'),
  );
}

/** A user for the tests, created once. */
export async function testUser(api: ApiClient): Promise<string> {
  const existing = (await api.users()).items.find(({ name }) => name === 'e2e');
  return (existing ?? (await api.createUser({ name: 'e2e' }))).id;
}

/** The cluster for specs that do not need their own. The first spec that needs it creates it; it is whole when returned. */
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

/** Waits until the API shows the expected state of a cluster, and returns the cluster. */
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

/** Looks repeatedly until the result is as expected; on timeout, fails with the last result. */
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
