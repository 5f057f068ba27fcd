import { join } from 'node:path';
import {
  backupOperations,
  changeBackupPolicy,
  createBackup,
  createRestorePoint,
  createStanza,
  deleteBackup,
  hasEnded,
  listBackups,
  newId,
  type Operation,
} from '@pgfleet/contracts';
import { ArchivingNode, eventually, ProgramProcess } from '@pgfleet/integration';
import { backup, info, parseInfo } from '@pgfleet/pgbackrest';
import { SpecService } from './testing/spec-service';
import { node, world } from './testing/surroundings';

process.env.PGFLEET_LOG_LEVEL ||= 'error';

const clusterId = newId('clu');
const stanza = newId('lin');

/** Runs the service as a process and kills it with -9 at every step, while the step's job is running. */
describe('backup-service that is killed at each step', () => {
  let running: SpecService;
  let leader: ArchivingNode;
  let env: Record<string, string>;
  let service: ProgramProcess;
  let release = () => {};

  const start = () => (service = new ProgramProcess(join(__dirname, 'main.ts'), env));
  /** From now on, jobs get no answer until the next round. */
  const hold = () => {
    const before = release;
    world.hold = new Promise((resolve) => (release = resolve));
    before();
  };
  const letGo = () => {
    world.hold = null;
    release();
  };

  beforeAll(async () => {
    leader = await ArchivingNode.start(stanza);
    world.machines.set('n1', leader);
    const nodes = [node('n1', 'leader')];
    world.topologies.set(clusterId, { clusterId, state: 'ready', stanza, nodes });
    running = await SpecService.start({ replicas: 0 });
    env = Object.fromEntries(Object.entries(running.config).map(([name, value]) => [name, String(value)]));
    start();
  }, 240_000);

  afterAll(async () => {
    letGo();
    await service?.kill();
    await running?.stop();
    await leader?.stop();
  }, 60_000);

  /** Requests to a service that is down succeed once it is back. */
  const asked = <T>(ask: () => Promise<T>): Promise<T> => eventually(ask, 30_000);
  const found = (operationId: string) =>
    asked(async () => {
      const operation = await running.requester.ask(backupOperations.get, { operationId });
      if (!operation) throw new Error(`${operationId} is not there`);
      return operation;
    });
  const ended = (operationId: string): Promise<Operation> =>
    eventually(async () => {
      const operation = await found(operationId);
      if (!hasEnded(operation)) throw new Error(`${operationId} is ${operation.state}`);
      return operation;
    }, 60_000);
  const events = (filter: string) => running.events(filter);
  const idle = () => running.idle(clusterId);

  /** Starts the operation, kills the service at each of its steps, and returns the finished operation. */
  const throughKills = async (begin: () => Promise<{ id: string }>, jobs: string[]): Promise<Operation> => {
    const before = world.ran.length;
    hold();
    const { id } = await asked(begin);
    for (const [index, word] of jobs.entries()) {
      await eventually(() => expect(world.ran.slice(before)).toHaveLength(index + 1), 30_000);
      expect(world.ran.at(-1)!.argv.join(' ')).toContain(word);
      await service.kill();
      start();
      hold();
    }
    letGo();
    const operation = await ended(id);
    expect(operation.error).toBeUndefined();
    expect(operation.state).toBe('succeeded');
    // No kill repeated a job.
    expect(world.ran).toHaveLength(before + jobs.length);
    await eventually(async () => expect(await events(`events.operation.${id}.succeeded`)).toHaveLength(1));
    const steps = await events(`events.operation.${id}.step.succeeded`);
    expect(steps.map(({ data }) => data.step)).toEqual(operation.steps.map(({ name }) => name));
    return operation;
  };

  it('makes the stanza once, and proves the archive', async () => {
    const order = { clusterId, stanza, requestedBy: newId('op') };
    await throughKills(() => running.requester.ask(createStanza, order), ['stanza-create']);
    expect(await events(`events.backup.${stanza}.stanza.created`)).toHaveLength(1);
  }, 90_000);

  it('makes a backup once, expires the one before, and finds the archive whole', async () => {
    const request = { type: 'full' as const };
    const backUp = () => running.requester.ask(createBackup, { clusterId, request, idempotency: null });
    const retention = { fulls: 1, days: 0 };
    const schedules = { full: null, differential: null, incremental: null };
    await asked(() =>
      running.requester.ask(changeBackupPolicy, { clusterId, change: { retention, schedules } }),
    );
    await ended((await backUp()).id);
    const { id } = await throughKills(backUp, ['--type=full', ' info', ' expire', ' info']);
    const told = await events(`events.backup.${stanza}.succeeded`);
    expect(told.filter(({ correlationid }) => correlationid === id)).toHaveLength(1);
    expect(await events(`events.backup.${stanza}.failed`)).toEqual([]);
    const { items } = await running.requester.ask(listBackups, { clusterId });
    expect(items).toEqual([told.at(-1)!.data.backup]);
    expect(await events(`events.backup.${stanza}.wal.gap.found`)).toEqual([]);
    const [known] = await running.services.postgres.query<{ runs: unknown[] }>(
      `select archive_runs as runs from backup.stanza where name = '${stanza}'`,
    );
    expect(known!.runs).toHaveLength(1);
  }, 180_000);

  it('names a moment once', async () => {
    const restorePoint = { name: 'before-release-42' };
    const ask = () =>
      running.requester.ask(createRestorePoint, { clusterId, restorePoint, idempotency: null });
    await throughKills(ask, ['pg_create_restore_point']);
    expect(await events(`events.backup.${stanza}.restore.point.made`)).toHaveLength(1);
  }, 90_000);

  it('deletes a backup once', async () => {
    await running.requester.ask(changeBackupPolicy, { clusterId, change: { retention: { fulls: 9 } } });
    const request = { type: 'full' as const };
    await ended((await running.requester.ask(createBackup, { clusterId, request, idempotency: null })).id);
    await idle();
    const { items } = await running.requester.ask(listBackups, { clusterId });
    const label = items.at(-1)!.label;
    await throughKills(
      () => running.requester.ask(deleteBackup, { clusterId, label, cascade: false }),
      ['expire', ' info'],
    );
    expect(await events(`events.backup.${stanza}.deleted`)).toHaveLength(1);
    expect((await running.requester.ask(listBackups, { clusterId })).items).toHaveLength(1);
  }, 120_000);

  it('leaves no lock behind, of pgBackRest or of its own', async () => {
    await leader.must(backup(stanza, 'incr', { member: 'n1' }));
    const { stdout } = await leader.must(info(stanza));
    expect(parseInfo(stdout).backups.map(({ type }) => type)).toEqual(['full', 'incr']);
    const owned = await running.services.postgres.query(
      `select id from backup.operation where owner is not null and state in ('pending', 'running')`,
    );
    expect(owned).toEqual([]);
  }, 60_000);
});
