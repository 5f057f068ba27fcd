import { labPaths, labSettings, type LabClient } from '@pgfleet/lab';
import { bringUp, say, stepTimes, type Platform } from '@pgfleet/platform';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { median, record } from './results';

const execute = promisify(execFile);
const sshConfig = labPaths(labSettings()).sshConfig;

/** Runs a shell command on a machine of the lab. */
const on = async (machine: string, command: string): Promise<string> =>
  (await execute('ssh', ['-F', sshConfig, '-o', 'LogLevel=ERROR', machine, command], { maxBuffer: 1 << 26 }))
    .stdout;

interface Target {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
}

/** Tries to write a row until one is acknowledged. */
async function untilWritten(targets: Target[], withinMs = 120_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    for (const target of targets) {
      const client = new Client({
        ...target,
        ssl: { rejectUnauthorized: false },
        connectionTimeoutMillis: 1000,
        query_timeout: 2000,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.query(
          'create table if not exists bench_first_write (v int); insert into bench_first_write values (1)',
        );
        return;
      } catch {
        // Not yet.
      } finally {
        await client.end().catch(() => undefined);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no write was acknowledged');
}

interface OurRun {
  clusterId: string;
  firstWriteMs: number;
  readyMs: number;
  steps: string[];
}

/** From POST /clusters to the first write that a customer's program gets through port 5000, and to the end of the operation. */
async function ours({ api }: Platform, userId: string, name: string): Promise<OurRun> {
  const begun = Date.now();
  const { id, clusterId } = await api.createCluster({ name, userId, nodes: 3 });
  const cluster = clusterId ?? '';
  const written = (async () => {
    for (;;) {
      const endpoint = await api.cluster(cluster).then(({ connection }) => connection?.primary);
      if (endpoint) {
        const { password } = await api.credentials(cluster);
        await untilWritten([{ ...endpoint, password }]);
        return Date.now() - begun;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const operation = await api.follow(id, 300_000);
  if (operation.state !== 'succeeded')
    throw new Error(`the creation ${operation.state}: ${JSON.stringify(operation.error)}`);
  const readyMs = Date.parse(operation.updatedAt) - Date.parse(operation.createdAt);
  return { clusterId: cluster, firstWriteMs: await written, readyMs, steps: stepTimes(operation) };
}

/**
 * The floor: three machines booted by the same lab, and the same Patroni with the configuration of a finished cluster's node, put there
 * and started by hand. No load balancer, no pooler, no backups: until the leader has acknowledged a write.
 */
async function byHand({ lab }: Platform, model: string, scope: string): Promise<number> {
  const modelMachine = (await lab.list()).find(
    ({ labels, name }) => labels.cluster === model && name.endsWith('-1'),
  );
  if (!modelMachine) throw new Error('the model cluster has no machine');
  const password = (
    await on(modelMachine.name, "sed -n '/superuser:/,/password:/s/.*password: *//p' /etc/patroni/config.yml")
  )
    .trim()
    .replace(/["']/g, '');
  await on('etcd1', etcdUser(scope, modelMachine.name));
  const kit = await on(
    modelMachine.name,
    'tar -c -C / etc/patroni etc/pgfleet etc/pgbackrest.conf etc/systemd/system/patroni.service.d | base64 -w0',
  );
  const names = [1, 2, 3].map((index) => `hand-${index}`);
  try {
    const begun = Date.now();
    const machines = await Promise.all(names.map((name) => bootNow(lab, name)));
    await Promise.all(
      machines.map(({ name, address }) =>
        startPatroni(name, kit, [
          [modelMachine.name, name],
          [modelMachine.address, address],
          [model, scope],
        ]),
      ),
    );
    const superuser = { port: 5432, database: 'postgres', user: 'postgres', password };
    await untilWritten(machines.map(({ address }) => ({ ...superuser, host: address })));
    return Date.now() - begun;
  } finally {
    await Promise.all(names.map((name) => lab.destroy(name)));
    await on(
      'etcd1',
      `${etcdctl} del --prefix /service/${scope}/ >/dev/null; ${etcdctl} user delete ${scope}; ${etcdctl} role delete ${scope}`,
    );
  }
}

const etcdctl = 'set -a; . /etc/pgfleet/etcdctl.env; set +a; etcdctl';

/** The floor's own etcd user, with the password that the model's configuration has. */
const etcdUser = (scope: string, model: string): string => `
  ${etcdctl} role add ${scope} && etcdctl role grant-permission ${scope} --prefix=true readwrite /service/${scope}/ &&
  ssh-keygen -q -t ed25519 -N '' -f /dev/null 2>/dev/null; true # ${model}`;

async function bootNow(lab: LabClient, name: string): Promise<{ name: string; address: string }> {
  await lab.create(name, { role: 'node', sshKeys: [] });
  const { address } = await lab.get(name, 60);
  return { name, address };
}

async function startPatroni(machine: string, kit: string, replace: [string, string][]): Promise<void> {
  const edits = replace.map(([from, to]) => `-e 's/${from.replaceAll('.', '\\.')}/${to}/g'`).join(' ');
  const child = execute(
    'sh',
    [
      '-c',
      `printf %s "$0" | base64 -d | ssh -F ${sshConfig} -o LogLevel=ERROR ${machine} "tar -x -C / && sed -i ${edits} /etc/patroni/config.yml && install -d -o postgres -g postgres -m 750 /var/lib/postgresql/17 /var/spool/pgbackrest /var/log/pgbackrest && systemctl daemon-reload && systemctl start patroni"`,
      kit,
    ],
    { maxBuffer: 1 << 26 },
  );
  await child;
}

/** Creates clusters and starts Patroni by hand in turns, in one run. */
export async function benchCreate(runs: number): Promise<void> {
  const platform = await bringUp(labSettings());
  const userId = (await platform.api.createUser({ name: 'bench' })).id;
  const firstWrites: number[] = [];
  const readies: number[] = [];
  const floors: number[] = [];
  let steps: string[] = [];
  for (let run = 1; run <= runs; run++) {
    const our = await ours(platform, userId, `bench-${run}`);
    const floor = await byHand(platform, our.clusterId, `hand${run}`);
    firstWrites.push(our.firstWriteMs);
    readies.push(our.readyMs);
    floors.push(floor);
    steps = our.steps;
    say(
      `run ${run}: first write ${our.firstWriteMs} ms, ready ${our.readyMs} ms; by hand ${floor} ms; ratio ${(our.firstWriteMs / floor).toFixed(2)}`,
    );
    const { id } = await platform.api.deleteCluster(our.clusterId, false);
    await platform.api.follow(id, 180_000);
  }
  await platform.api.call('DELETE', `/users/${userId}`);
  const [first, ready, floor] = [median(firstWrites), median(readies), median(floors)];
  record('create', [
    '| | median ms | ratio to the floor |',
    '|---|---:|---:|',
    `| floor: machines booted, Patroni started by hand, first write | ${floor} | 1.00 |`,
    `| POST /clusters → first write through port 5000 | ${first} | ${(first / floor).toFixed(2)} |`,
    `| POST /clusters → operation succeeded (stanza, archive and read through 5001 proven) | ${ready} | ${(ready / floor).toFixed(2)} |`,
    '',
    'Where the time goes (last run):',
    '',
    '```',
    ...steps,
    '```',
  ]);
}
