import type { Cluster } from '@pgfleet/contracts';
import { connectLab, type LabSettings, type MachineView } from '@pgfleet/lab';
import { ApiClient } from './api-client';
import { ControlMachine } from './control-machine';
import { platformAccess, type PlatformAccess } from './platform-access';

export interface PlatformStatus {
  api: { url: string; token: string };
  nats: PlatformAccess['nats'];
  machines: { name: string; address: string; role: string; state: string }[];
  services: { name: string; state: string }[];
  clusters: (Pick<Cluster, 'id' | 'name' | 'state' | 'timeline' | 'members'> & {
    primary: StatusEndpoint | null;
    replicas: StatusEndpoint | null;
  })[];
}

interface StatusEndpoint {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
}

const services = [
  'api-gateway',
  'cluster-service',
  'backup-service',
  'healthcheck-scheduler',
  'ansible-runner',
];

async function serviceStates(control: ControlMachine): Promise<PlatformStatus['services']> {
  const { stdout } = await control.try(
    `systemctl is-active ${services.map((name) => `pgfleet-${name}`).join(' ')}`,
  );
  const states = stdout.trim().split('\n');
  return services.map((name, index) => ({ name, state: states[index] ?? 'unknown' }));
}

async function withEndpoints(api: ApiClient, cluster: Cluster): Promise<PlatformStatus['clusters'][number]> {
  const { id, name, state, timeline, members, connection } = cluster;
  const base = { id, name, state, timeline, members };
  if (!connection) return { ...base, primary: null, replicas: null };
  const { password } = await api.credentials(id);
  const endpoint = ({
    host,
    port,
    database,
    user,
  }: {
    host: string;
    port: number;
    database: string;
    user: string;
  }) => ({
    host,
    port,
    database,
    user,
    password,
  });
  return { ...base, primary: endpoint(connection.primary), replicas: endpoint(connection.replicas) };
}

/** Everything that runs, asked now: machines from the lab, services from systemd, clusters from the API. */
export async function platformStatus(settings: LabSettings): Promise<PlatformStatus> {
  const lab = await connectLab(settings);
  const machines = await lab.list();
  const control = new ControlMachine(settings);
  const access = await platformAccess(control, machines);
  const api = new ApiClient(access.api);
  const clusters = await Promise.all(
    (await api.clusters()).items.map((cluster) => withEndpoints(api, cluster)),
  );
  return {
    api: access.api,
    nats: access.nats,
    machines: machines.map(({ name, address, role, state }: MachineView) => ({ name, address, role, state })),
    services: await serviceStates(control),
    clusters,
  };
}

const table = (rows: string[][]): string => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
};

/** The status for a person. */
export function renderStatus(status: PlatformStatus): string {
  const clusters = status.clusters.map((cluster) => {
    const members = cluster.members.map(({ name, role, state, timeline, lagBytes }) => [
      name,
      role,
      state,
      `timeline ${timeline ?? '?'}`,
      lagBytes === null ? 'lag unknown' : `lag ${lagBytes} B`,
    ]);
    const where = cluster.primary
      ? `primary ${cluster.primary.host}:5000, replicas ${cluster.primary.host}:5001`
      : 'no address yet';
    return `${cluster.name} (${cluster.id}): ${cluster.state}, ${where}\n${table(members)}`;
  });
  return [
    `API       ${status.api.url}`,
    `NATS      ${status.nats.url}`,
    `Machines\n${table(status.machines.map(({ name, address, role, state }) => [name, address, role, state]))}`,
    `Services\n${table(status.services.map(({ name, state }) => [name, state]))}`,
    clusters.length ? `Clusters\n${clusters.join('\n')}` : 'Clusters  none',
  ].join('\n');
}
