import { labPaths, labSettings, type LabClient } from '@pgfleet/lab';
import { bringUp, say, stepTimes, type Platform } from '@pgfleet/platform';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { median, record } from './results';

const execute = promisify(execFile);
const sshConfig = labPaths(labSettings()).sshConfig;

/** Runs a shell command on a machine of the lab. */
const on = async (machine: string, command: string, input = '', signal?: AbortSignal): Promise<string> => {
  const running = execute('ssh', ['-F', sshConfig, '-o', 'LogLevel=ERROR', machine, command], {
    maxBuffer: 1 << 26,
    ...(signal && { signal }),
  });
  running.child.stdin?.end(input);
  return (await running).stdout;
};

interface Target {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
}

/** Tries to write a row until one is acknowledged. */
async function untilWritten(target: Target, withinMs = 120_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
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

/** Measures from POST /clusters to the first write that a customer's program gets through port 5000, and to the end of the operation. */
async function ours({ api }: Platform, userId: string, name: string): Promise<OurRun> {
  const begun = Date.now();
  const { id, clusterId } = await api.createCluster({ name, userId, nodes: 3 });
  const cluster = clusterId ?? '';
  const written = (async () => {
    for (;;) {
      const endpoint = await api.cluster(cluster).then(({ connection }) => connection?.primary);
      if (endpoint) {
        const { password } = await api.credentials(cluster);
        await untilWritten({ ...endpoint, password });
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
 * The floor: the same lab boots three machines, and the same Patroni with the configuration of a finished cluster's node is
 * copied there and started by hand. There is no load balancer, no pooler and no backup. Measures until the leader has
 * acknowledged a write.
 */
async function byHand({ lab }: Platform, model: string, scope: string): Promise<number> {
  const models = (await lab.list()).filter(({ labels, role }) => labels.cluster === model && role === 'node');
  const [first] = models;
  if (!first) throw new Error('the model cluster has no machine');
  const password = await on(
    first.name,
    "python3 -c \"import yaml; print(yaml.safe_load(open('/etc/patroni/config.yml'))['etcd3']['password'], end='')\"",
  );
  await grantScope(scope, password);
  const files =
    'etc/patroni etc/pgfleet etc/pgbackrest.conf etc/systemd/system/patroni.service.d usr/local/lib/pgfleet';
  const kit = await on(first.name, `tar -c -C / ${files} | base64 -w0`);
  const names = models.map((_, index) => `hand-${index + 1}`);
  try {
    const begun = Date.now();
    const machines = await Promise.all(names.map((name) => bootNow(lab, name)));
    const edits: [string, string][] = [
      ...models.map(({ address }, index): [string, string] => [address, machines[index]?.address ?? '']),
      [model, scope],
      // The certificate is the model's: from the same authority, but for another address.
      ['verify-full', 'verify-ca'],
    ];
    await Promise.all(
      machines.map(({ name }) =>
        startPatroni(name, kit, [[`name: "${first.name}"`, `name: "${name}"`], ...edits]),
      ),
    );
    // Replicas refuse the write; the leader accepts it once there is one.
    const others = new AbortController();
    await Promise.any(machines.map(({ name }) => on(name, writeAsSoonAsPossible, '', others.signal)));
    const firstWriteMs = Date.now() - begun;
    others.abort();
    return firstWriteMs;
  } finally {
    await Promise.all(names.map((name) => lab.destroy(name)));
    const gone = [`del --prefix /service/${scope}/`, `user delete ${scope}`, `role delete ${scope}`];
    await on('etcd1', gone.map((command) => `${etcdctl} ${command}`).join(' && '));
  }
}

const etcdctl = 'env $(grep -v "^#" /etc/pgfleet/etcdctl.env | xargs) etcdctl';

/** Creates an etcd user for the floor's keys; the password goes in through standard input. */
const grantScope = (scope: string, password: string): Promise<string> =>
  on(
    'etcd1',
    [
      `${etcdctl} role add ${scope}`,
      `${etcdctl} role grant-permission ${scope} --prefix=true readwrite /service/${scope}/`,
      `${etcdctl} user add ${scope} --interactive=false`,
      `${etcdctl} user grant-role ${scope} ${scope}`,
    ].join(' && '),
    `${password}\n`,
  );

const writeAsSoonAsPossible = `cd / && until setpriv --reuid=postgres --regid=postgres --clear-groups \
  psql -qX -c 'create table bench_first_write (v int); insert into bench_first_write values (1)' 2>/dev/null; do sleep 0.05; done`;

async function bootNow(lab: LabClient, name: string): Promise<{ name: string; address: string }> {
  await lab.create(name, { role: 'node', sshKeys: [] });
  const { address } = await lab.get(name, 60);
  return { name, address };
}

/** Unpacks the model's files, fills in this machine's names and addresses, and starts Patroni. */
async function startPatroni(machine: string, kit: string, replace: [string, string][]): Promise<void> {
  const edits = replace.map(([from, to]) => `-e 's/${from.replaceAll('.', '\\.')}/${to}/g'`).join(' ');
  const own =
    '-o postgres -g postgres -m 750 /var/lib/postgresql/17 /var/spool/pgbackrest /var/log/pgbackrest';
  const command = `base64 -d | tar -x -C / && sed -i ${edits} /etc/patroni/config.yml && install -d ${own} && systemctl daemon-reload && systemctl start patroni`;
  await on(machine, command, kit);
}

/** Creates clusters and starts Patroni by hand in alternation, in one run. */
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
