import type { Cluster } from '@pgfleet/contracts';
import { connectLab, type LabSettings, type MachineView } from '@pgfleet/lab';
import { ApiClient } from './api-client';
import { savedAccess, type PlatformAccess } from './platform-access';

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

/** The health ports of the services, as in deploy/ansible/roles/control_plane/vars. */
const servicePorts = {
  'api-gateway': 8080,
  'cluster-service': 8081,
  'backup-service': 8082,
  'healthcheck-scheduler': 8083,
  'ansible-runner': 8084,
};
const healthMs = 2_000;

/** `ready`; `not ready` for a service that runs but lacks something; or `away`. */
async function serviceStates(host: string): Promise<PlatformStatus['services']> {
  return Promise.all(
    Object.entries(servicePorts).map(async ([name, port]) => {
      const url = `http://${host}:${port}/health/ready`;
      const state = await fetch(url, { signal: AbortSignal.timeout(healthMs) }).then(
        ({ ok }) => (ok ? 'ready' : 'not ready'),
        () => 'away',
      );
      return { name, state };
    }),
  );
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

/** The current state of everything that runs: machines from the lab, services from systemd, clusters from the API. */
export async function platformStatus(settings: LabSettings): Promise<PlatformStatus> {
  const lab = await connectLab(settings);
  const access = savedAccess(settings);
  const api = new ApiClient(access.api);
  const [machines, states, clusters] = await Promise.all([
    lab.list(),
    serviceStates(new URL(access.api.url).hostname),
    api.clusters().then(({ items }) => Promise.all(items.map((cluster) => withEndpoints(api, cluster)))),
  ]);
  return {
    api: access.api,
    nats: access.nats,
    machines: machines.map(({ name, address, role, state }: MachineView) => ({ name, address, role, state })),
    services: states,
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
