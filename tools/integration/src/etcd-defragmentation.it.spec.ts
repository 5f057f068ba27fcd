import { chownSync, copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually';
import { freePort } from './free-port';
import { serversRoot } from './image';
import { runInImage } from './in-image';
import { ServerProcess } from './server-process';
import { userId } from './user-id';
import { makeWorkDir } from './work-dir';

const program = join(__dirname, '../../../deploy/ansible/roles/etcd/files/defragment');

interface Member {
  readonly url: string;
  readonly server: ServerProcess;
}

/** What an etcd machine does every night with its own member: three real members, with databases full of compacted history. */
describe('defragment-etcd', () => {
  const dir = makeWorkDir();
  let root: string;
  let members: Member[];

  const etcdctl = async (url: string, argv: string[]): Promise<string> => {
    const ran = await runInImage({
      ...{ root, data: dir, user: 'root', argv: ['timeout', '20', ...argv] },
      env: { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: url },
    });
    if (ran.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  };
  const defragment = (url: string) => etcdctl(url, ['python3', '/srv/defragment', '--least', '8']);
  const status = async (url: string) =>
    (
      JSON.parse(await etcdctl(url, ['etcdctl', 'endpoint', 'status', '-w', 'json'])) as {
        Status: {
          leader: number;
          dbSize: number;
          dbSizeInUse: number;
          header: { member_id: number; revision: number };
        };
      }[]
    )[0]!.Status;

  const fillAndCompact = async () => {
    const [first] = members;
    const put = 'for i in $(seq 20); do head -c 1000000 /dev/zero | etcdctl put big >/dev/null; done';
    await etcdctl(first!.url, ['sh', '-c', put]);
    const { header } = await status(first!.url);
    await etcdctl(first!.url, ['etcdctl', 'compact', '--physical', String(header.revision)]);
    for (const { url } of members)
      await eventually(async () => {
        // The commits that follow a compaction count the pages it freed as free.
        await etcdctl(url, ['etcdctl', 'put', 'big', 'small']);
        const { dbSize, dbSizeInUse } = await status(url);
        if (dbSizeInUse * 2 > dbSize) throw new Error(`${dbSizeInUse} of ${dbSize} bytes are in use`);
      }, 20_000);
  };

  beforeAll(async () => {
    root = await serversRoot();
    copyFileSync(program, join(dir, 'defragment'));
    const { uid, gid } = userId(root, 'etcd');
    const names = ['m1', 'm2', 'm3'];
    const peers = await Promise.all(names.map(async () => `http://127.0.0.1:${await freePort()}`));
    const cluster = names.map((name, index) => `${name}=${peers[index]}`).join(',');
    members = await Promise.all(
      names.map(async (name, index) => {
        const url = `http://127.0.0.1:${await freePort()}`;
        const data = join(dir, name);
        mkdirSync(data);
        chownSync(data, uid, gid);
        const server = new ServerProcess({
          ...{ name, root, data, user: 'etcd' },
          argv: ['/usr/bin/etcd', `--name=${name}`, '--data-dir=/srv/data', '--log-level=warn']
            .concat([`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`])
            .concat([`--listen-peer-urls=${peers[index]}`, `--initial-advertise-peer-urls=${peers[index]}`])
            .concat([`--initial-cluster=${cluster}`]),
          ready: async () => {
            const health = await fetch(`${url}/health`);
            if (!health.ok) throw new Error(await health.text());
          },
        });
        return { url, server };
      }),
    );
    await Promise.all(members.map(({ server }) => server.start()));
    await fillAndCompact();
  }, 60_000);
  afterAll(async () => {
    await Promise.all(members.map(({ server }) => server.kill()));
    rmSync(dir, { recursive: true, force: true });
  });

  it('gives back what compaction freed, also of the member that leads, which hands over first', async () => {
    const before = await status(members[0]!.url);
    const states = await Promise.all(members.map(({ url }) => status(url)));
    const leads = members[states.findIndex(({ header }) => header.member_id === before.leader)]!;
    expect(before.dbSize).toBeGreaterThan(10_000_000);

    expect(await defragment(leads.url)).toMatch(/^[0-2] MiB instead of \d+ MiB/m);
    const after = await status(leads.url);
    expect(after.dbSize).toBeLessThan(4_000_000);
    expect(after.leader).not.toBe(after.header.member_id);
    expect(await defragment(leads.url)).toContain('nothing to give back');
  }, 60_000);

  it('leaves a member as it is while another is down', async () => {
    await fillAndCompact();
    await members[2]!.server.kill();
    await expect(defragment(members[0]!.url)).rejects.toThrow(/etcdctl endpoint:.*unhealthy/s);
    expect((await status(members[0]!.url)).dbSize).toBeGreaterThan(10_000_000);
  }, 60_000);
});
