import { ensureHostPackages, ensureImage, startLabd, type LabClient, type LabSettings } from '@pgfleet/lab';
import { ApiClient } from './api-client';
import { ControlMachine } from './control-machine';
import { demoCluster } from './demo-customer';
import { installPlatform } from './install-platform';
import { platformAccess, saveAccess, type PlatformAccess } from './platform-access';
import { bootPlatformMachines } from './platform-machines';
import { packRelease } from './release';
import { say, timed } from './report';

export interface Platform {
  lab: LabClient;
  control: ControlMachine;
  access: PlatformAccess;
  api: ApiClient;
}

/** Brings up the lab and the control plane; parts that are already up stay as they are. */
export async function bringUp(settings: LabSettings): Promise<Platform> {
  await ensureHostPackages(say);
  const packing = timed('packing the release', () => packRelease(settings.cacheDir));
  // Its failure is handled below; until then it must not end the process as an unhandled rejection.
  packing.catch(() => undefined);
  const { key: image } = await ensureImage(settings, say);
  const lab = await startLabd(settings);
  const { machines } = await timed('booting the machines of the platform', () => bootPlatformMachines(lab));
  const control = new ControlMachine(settings);
  await installPlatform({ settings, control, machines, release: await packing, image });
  const access = await platformAccess(control, machines);
  saveAccess(settings, access);
  const api = new ApiClient(access.api);
  await timed('waiting for the API', () => untilReady(access.api.url));
  return { lab, control, access, api };
}

async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  let last = 'no answer';
  while (Date.now() < deadline) {
    try {
      const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5000) });
      if (response.ok) return;
      last = await response.text();
    } catch (error) {
      last = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the API at ${url} is not ready: ${last}\nnpm run lab -- logs control1 shows its journal`);
}

/** `npm start`: the platform, a first customer's cluster, and the next steps. */
export async function start(settings: LabSettings): Promise<void> {
  const { api, access } = await bringUp(settings);
  const cluster = await demoCluster(api);
  const { primaryUri, replicasUri, primarySessionUri } = await api.credentials(cluster.id);
  const leader = cluster.members.find(({ role }) => role === 'leader')?.machine;
  process.stdout.write(`
pgfleet is up.

  cluster ${cluster.name} (${cluster.id}), ${cluster.state}
    primary   ${primaryUri}
    replicas  ${replicasUri}
    sessions  ${primarySessionUri}    for migrations, pg_dump, LISTEN

  API         ${access.api.url}    docs to try: ${access.api.url}/docs
  token       ${access.api.token}

Try next:
  psql '${primaryUri}' -c 'select version()'
  curl -H 'Authorization: Bearer ${access.api.token}' ${access.api.url}/clusters/${cluster.id}
  npm run status
${leader ? `  npm run lab -- kill ${leader}     # the leader's machine loses power; watch npm run status\n` : ''}  npm stop                    # --keep-data to find it all again at the next start
`);
}
