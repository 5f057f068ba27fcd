import { appendFileSync, chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ArchivingNode, makeNodeFolder } from '../archiving-node';
import { eventually } from '../eventually';
import { startServices, type Services } from '../start-services';

const agent = join(__dirname, '../../../../deploy/ansible/roles/postgres_node/files/follow_leader');
const scope = 'guarded';

/** A cluster member with Patroni as Debian ships it, and the agent's guard beside it, in separate process and mount namespaces. */
class Member {
  private constructor(
    readonly name: string,
    readonly address: string,
    private readonly node: ArchivingNode,
  ) {}

  static async make(name: string, address: string, etcd: string): Promise<Member> {
    const { root, folder } = await makeNodeFolder(scope);
    const member = new Member(name, address, new ArchivingNode(root, folder, scope));
    member.node.copyIn(agent, 'follow_leader');
    copyFileSync(join(__dirname, 'guard.py'), join(folder, 'guard.py'));
    writeFileSync(join(folder, 'patroni.yml'), JSON.stringify(member.configuration(etcd)));
    for (const file of ['patroni.yml', 'guard.py']) chmodSync(join(folder, file), 0o644);
    return member;
  }

  start(): void {
    this.node.join(
      this.keepLog(['sh', '-c', '/usr/bin/patroni /srv/patroni.yml; sleep infinity'], 'patroni'),
    );
  }

  /** Starts the guard once Patroni has started, because it joins Patroni's mounts and processes. */
  guard(etcd: string): void {
    const argv = [this.name, this.address, new URL(etcd).port, scope];
    this.keepLog(['/usr/bin/python3', '-u', '/srv/guard.py', ...argv], 'guard');
  }

  /** Whether its PostgreSQL accepts writes; false when it does not answer. */
  async takesWrites(): Promise<boolean> {
    const argv = [
      'psql',
      '-h',
      '/srv',
      '-U',
      'postgres',
      '-XAt',
      '-d',
      'postgres',
      '-c',
      'select pg_is_in_recovery()',
    ];
    return (await this.node.run(argv)).stdout.trim() === 'f';
  }

  log(name: 'patroni' | 'guard'): string {
    const file = join(this.node.folder, `${name}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  stop(): Promise<void> {
    return this.node.stop();
  }

  private keepLog(argv: string[], name: string) {
    const child = this.node.start(argv);
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => appendFileSync(join(this.node.folder, `${name}.log`), chunk));
    return child;
  }

  private configuration(etcd: string): object {
    const address = this.address;
    return {
      ...{ scope, namespace: '/service/', name: this.name },
      restapi: { listen: `${address}:8008`, connect_address: `${address}:8008` },
      etcd3: { host: new URL(etcd).host },
      bootstrap: {
        dcs: {
          ...{ ttl: 20, loop_wait: 2, retry_timeout: 9, failsafe_mode: false },
          postgresql: { parameters: { shared_buffers: '16MB' } },
        },
        initdb: ['data-checksums', { encoding: 'UTF8' }],
      },
      postgresql: {
        ...{ listen: `${address}:5432`, connect_address: `${address}:5432` },
        ...{ use_unix_socket: true, data_dir: '/srv/data', bin_dir: '/usr/lib/postgresql/17/bin' },
        pgpass: '/srv/pgpass',
        // Patroni's loop hangs at the moment when it should stop its database.
        before_stop: '/bin/sleep 1000',
        authentication: {
          superuser: { username: 'postgres', password: 'secret' },
          replication: { username: 'replicator', password: 'secret' },
        },
        parameters: { unix_socket_directories: '/srv' },
        pg_hba: ['local all all trust', 'host all,replication all 127.0.0.0/8 trust'],
      },
    };
  }
}

describe('an unpatched Patroni whose loop stands still when etcd is lost', () => {
  let services: Services;
  let members: [Member, Member];

  beforeAll(async () => {
    services = await startServices({ etcd: true });
    const { url } = services.etcd;
    members = [await Member.make('n1', '127.88.0.1', url), await Member.make('n2', '127.88.0.2', url)];
    members[0].start();
    await eventually(async () => expect(await members[0].takesWrites()).toBe(true), 60_000);
    members[1].start();
    await eventually(
      () => expect(members[1].log('patroni')).toContain('a secondary, and following a leader (n1)'),
      60_000,
    );
    for (const member of members) member.guard(url);
  }, 150_000);

  afterAll(async () => {
    await Promise.all((members ?? []).map((member) => member.stop()));
    await services?.stop();
  }, 60_000);

  it('is stopped by the guard, another leads when etcd is back, and never do two take writes', async () => {
    const [old, other] = members;
    const seen: string[] = [];
    const look = async () => {
      // Asks the old leader first and last: a change between the two answers does not count as both at the same time.
      const before = await old.takesWrites();
      const [others, after] = [await other.takesWrites(), await old.takesWrites()];
      if (others && before && after) throw new Error('n1 and n2 both take writes');
      seen.push(after ? 'n1' : others ? 'n2' : 'none');
      return seen.at(-1);
    };
    const until = async (who: string, withinMs: number) => {
      const ends = Date.now() + withinMs;
      while ((await look()) !== who) {
        if (Date.now() > ends)
          throw new Error(`not ${who} within ${withinMs} ms:\n${old.log('patroni')}\n${old.log('guard')}`);
        await pause(200);
      }
    };
    expect([await look(), old.log('guard'), other.log('guard')]).toEqual(['n1', '', '']);
    services.etcd.freeze();
    // Patroni should stop its database now, and hangs: without the guard the database would accept writes forever.
    await eventually(() => expect(old.log('patroni')).toContain('Demoting self (offline)'), 60_000);
    await until('none', 60_000);
    expect(old.log('guard')).toContain('PostgreSQL is stopped: ');
    services.etcd.thaw();
    await until('n2', 40_000);
    for (let looks = 0; looks < 10; looks += 1) expect(await look()).toBe('n2');
  }, 180_000);
});
