import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Backup,
  changeBackupPolicy,
  checkRestoreTarget,
  clusterReady,
  createBackup,
  createStanza,
  getBackup,
  listBackups,
  newId,
} from '@pgfleet/contracts';
import { ArchivingNode, eventually } from '@pgfleet/integration';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const clusterId = newId('clu');
const stanza = newId('lin');

interface Info {
  label: string;
  prior: string | null;
  reference: string[] | null;
}

/**
 * Simulates weeks of hourly backups in one lineage: pgBackRest creates and lists them, jobs report them, and the service records,
 * shows and expires them.
 */
describe('a lineage with many backups', () => {
  let service: SpecService;
  let leader: ArchivingNode;

  const pgbackrest = (...options: string[]) => leader.must(['pgbackrest', `--stanza=${stanza}`, ...options]);
  const makeDirectly = (type: string) => pgbackrest(`--type=${type}`, '--no-expire-auto', 'backup');
  const fullInfo = async () => (await pgbackrest('--output=json', 'info')).stdout;
  const backUp = async (type: 'full' | 'incremental') => {
    const { id } = await service.requester.ask(createBackup, {
      ...{ clusterId, request: { type }, idempotency: null },
    });
    expect(await service.ended(id, 60_000)).toMatchObject({ state: 'succeeded' });
  };
  /** The whole list, page by page. */
  const listed = async (limit: number) => {
    const found: Backup[] = [];
    let before: string | undefined;
    for (;;) {
      const page = await service.requester.ask(listBackups, { clusterId, limit, ...(before && { before }) });
      expect(page.items.length).toBeLessThanOrEqual(limit);
      found.push(...page.items);
      if (page.next === null) return found;
      before = page.next;
    }
  };

  beforeAll(async () => {
    leader = await ArchivingNode.start(stanza);
    world.machines.set('n1', leader);
    world.topologies.set(clusterId, {
      ...{ clusterId, state: 'ready', stanza },
      nodes: [node('n1', 'leader')],
    });
    world.sights.set(clusterId, { clusterId, stanza, timelines: [], members: [] });
    service = await SpecService.start();
    const order = { clusterId, stanza, requestedBy: newId('op') };
    const { id } = await service.requester.ask(createStanza, order);
    expect(await service.ended(id, 30_000)).toMatchObject({ state: 'succeeded' });
    const change = {
      from: 'leader' as const,
      schedules: { full: null, differential: null, incremental: null },
    };
    await service.requester.ask(changeBackupPolicy, { clusterId, change });
    await service.publish(clusterReady, clusterId, { clusterId, name: 'orders', stanza });
    await eventually(async () => expect(await listed(100)).toHaveLength(1), 60_000);
    await service.idle(clusterId);
  }, 180_000);

  afterAll(async () => {
    await service?.stop();
    await leader?.stop();
  }, 60_000);

  it('records and lists sixty, and removes what the policy does not keep', async () => {
    for (let made = 0; made < 58; made += 1) await makeDirectly(made === 30 ? 'full' : 'incr');
    expect((await fullInfo()).length).toBeGreaterThan(32 * 1024);
    await backUp('incremental');
    const all = await listed(7);
    expect(all).toHaveLength(60);
    const labels = all.map(({ label }) => label);
    const stored = JSON.parse(await fullInfo()) as [{ backup: Info[] }];
    expect(labels).toEqual(stored[0].backup.map(({ label }) => label).reverse());
    expect(all.filter(({ type }) => type === 'full')).toHaveLength(2);

    const retention = { fulls: 1, days: 0 };
    await service.requester.ask(changeBackupPolicy, { clusterId, change: { retention } });
    await backUp('incremental');
    const newestFull = labels.find((label) => label.endsWith('F'))!;
    const left = await listed(500);
    expect(left.map(({ label }) => label)).toEqual([
      left[0]!.label,
      ...labels.filter((label) => label.startsWith(newestFull)),
    ]);
    expect((JSON.parse(await fullInfo()) as [{ backup: Info[] }])[0].backup).toHaveLength(left.length);
  }, 240_000);

  it('records and lists six hundred, and finds the base of a restore among them', async () => {
    const stored = JSON.parse(await fullInfo()) as [{ backup: Info[] }];
    const [{ backup: backups }] = stored;
    const [full] = backups;
    const newest = backups.at(-1)!;
    // Imitates pgBackRest's report on a chain of incremental backups that each changed something: with every backup that each one needs.
    const chain: Info[] = [full!];
    for (let hour = 0; chain.length < 600; hour += 1) {
      const second = String(hour).padStart(4, '0');
      const label = `${full!.label}_20261201-${second}00I`;
      const reference = chain.map((backup) => backup.label);
      chain.push({ ...newest, label, prior: reference.at(-1)!, reference });
    }
    const text = JSON.stringify([{ ...stored[0], backup: chain }]);
    expect(text.length).toBeGreaterThan(5 * 1024 * 1024);
    writeFileSync(join(leader.folder, 'info.json'), text);
    const fake = `#!/bin/sh\ncase "$*" in *info) exec cat /srv/info.json ;; *) exec /usr/bin/pgbackrest "$@" ;; esac`;
    writeFileSync(join(leader.folder, 'pgbackrest'), fake, { mode: 0o755 });
    world.machines.set('n1', {
      run: (argv, stop) => leader.run(['env', 'PATH=/srv:/usr/bin:/bin', ...argv], stop),
    });
    await service.services.postgres.query(
      `update backup.stanza set backups = jsonb_set(backups, '{asOf}', '"2026-01-01T00:00:00.000Z"')`,
    );
    const all = await listed(500);
    expect(all.map(({ label }) => label)).toEqual(chain.map(({ label }) => label).reverse());
    expect(all[0]!.dependsOn).toEqual([all[1]!.label]);
    const middle = all[300]!;
    expect(await service.requester.ask(getBackup, { clusterId, label: middle.label })).toEqual(middle);
    const target = { type: 'backup', label: middle.label } as const;
    expect(await service.requester.ask(checkRestoreTarget, { stanza, target })).toMatchObject({
      ...{ ok: true, backupLabel: middle.label },
    });
  }, 60_000);
});
