import type { Cluster, Operation, RecoveryWindow } from '@pgfleet/contracts';
import type { FaultCase } from '@pgfleet/platform';
import { storeMachine } from './faulty-cluster';
import { SteadyWriter } from './steady-writer';
import { testUser, until, untilCluster, type TestPlatform } from './platform';

/** The deadline for an operation to end, including the time its machines are away and come back. */
const endMs = 420_000;
const readyMs = 240_000;
/** A machine stays away until the operation has ended, or for this long at most: longer than any lease. */
const awayMs = 30_000;
/** The longest time a failover by lease takes on a busy machine. */
const failoverMs = 60_000;

/** A cluster with a customer who writes, for faults on its machines. */
export class FaultMatrix {
  private readonly away = new Map<string, () => Promise<unknown>>();
  private serial = 0;

  private constructor(
    private readonly platform: TestPlatform,
    private readonly userId: string,
    private readonly id: string,
    private readonly writer: SteadyWriter,
  ) {}

  static async start(platform: TestPlatform): Promise<FaultMatrix> {
    const userId = await testUser(platform.api);
    const { id, clusterId = '' } = await platform.api.createCluster({ name: 'matrix', userId, nodes: 3 });
    const created = await platform.api.follow(id, endMs);
    if (!clusterId || created.error) throw new Error(`matrix: ${JSON.stringify(created.error)}`);
    const { primaryUri, caCertificate } = await platform.api.credentials(clusterId);
    const uri = primaryUri.replace('?sslmode=require', '');
    return new FaultMatrix(platform, userId, clusterId, await SteadyWriter.start(uri, caCertificate));
  }

  /** Runs one case and checks everything that must hold afterwards. Returns the outcome in words. */
  async run({ operation, step, target, loss, facts }: FaultCase): Promise<string> {
    await this.settle();
    this.writer.takeLongestGapMs();
    const { operationId, clusterId } = await this.begin(operation);
    const machine = await this.machineOf(target, clusterId);
    const late = await this.reached(operationId, step);
    await this.take(machine, loss);
    const lostAt = Date.now();
    await until(
      () => this.platform.api.operation(operationId).catch(() => null),
      (seen) => (seen !== null && isOver(seen)) || Date.now() - lostAt > awayMs,
      awayMs + 60_000,
      500,
    );
    await this.heal();
    let ended = await this.platform.api.follow(operationId, endMs);
    let outcome = `${ended.state}${late ? ` (lost after ${step})` : ''}`;
    if (ended.state === 'failed') {
      expect(ended.error?.cause).toBeTruthy();
      expect(ended.error?.remedy).toBeTruthy();
      outcome += ` at ${ended.error?.step}: ${ended.error?.cause}`;
      ended = await this.mend(ended);
      outcome += `; then ${ended.state}`;
    }
    if (clusterId !== this.id) await this.dispose(clusterId, operation);
    else await this.takenBack(ended, operation);
    await this.settle();
    const gapMs = this.writer.takeLongestGapMs();
    const { missing } = { missing: await this.writer.missing() };
    expect({ lost: missing }).toEqual({ lost: [] });
    // While the only load balancer is away, nobody gets through. A restore's own interruption is not checked.
    const bound = target === 'load_balancer' ? awayMs + failoverMs : failoverMs;
    if (!facts.interrupts) expect(gapMs).toBeLessThan(bound);
    return `${outcome}; longest gap ${gapMs} ms`;
  }

  async stop(): Promise<void> {
    await this.heal();
    await this.writer.stop();
    await this.platform.api.deleteCluster(this.id, false).catch(() => undefined);
  }

  /** Waits until every machine is back, no operation runs, and the cluster is whole. */
  private async settle(): Promise<Cluster> {
    await this.heal();
    await until(
      async () => {
        const pages = await Promise.all(
          ['pending', 'running'].map((state) =>
            this.platform.api
              .call<{ items: Operation[] }>('GET', `/operations?clusterId=${this.id}&state=${state}`)
              .catch(() => ({ items: [null] })),
          ),
        );
        return pages.flatMap(({ items }) => items).length;
      },
      (busy) => busy === 0,
      endMs,
      500,
    );
    return untilCluster(this.platform.api, this.id, ({ state }) => state === 'ready', readyMs);
  }

  private call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.platform.api.call<Answer>(method, `/clusters/${this.id}${path}`, body);
  }

  private async begin(kind: FaultCase['operation']): Promise<{ operationId: string; clusterId: string }> {
    const { api } = this.platform;
    const ours = (operation: Operation) => ({ operationId: operation.id, clusterId: this.id });
    const another = async () => {
      const name = `matrix-${++this.serial}`;
      const operation = await api.createCluster({ name, userId: this.userId, nodes: 2 });
      return { operationId: operation.id, clusterId: operation.clusterId ?? '' };
    };
    switch (kind) {
      case 'cluster.switchover':
        return ours(await api.switchover(this.id));
      case 'cluster.settings': {
        const { failover } = await api.cluster(this.id);
        const durability = failover.durability === 'async' ? 'quorum' : 'async';
        return ours(await api.updateCluster(this.id, { failover: { profile: 'fast', durability } }));
      }
      case 'backup.run':
        return ours(await this.call('POST', '/backups', { type: 'incremental' }));
      case 'restore-point.create':
        return ours(await this.call('POST', '/restore-points', { name: `matrix-${++this.serial}` }));
      case 'cluster.restore':
        return ours(await this.restore());
      case 'cluster.restore.undo': {
        const restored = await api.follow((await this.restore()).id, endMs);
        expect(restored.error).toBeUndefined();
        await this.settle();
        return ours(await this.call('POST', '/restore/undo'));
      }
      case 'cluster.create':
        return another();
      case 'cluster.delete': {
        const { operationId, clusterId } = await another();
        expect((await api.follow(operationId, endMs)).error).toBeUndefined();
        return { operationId: (await api.deleteCluster(clusterId, false)).id, clusterId };
      }
    }
  }

  /** Restores to the end of the window, so that little is lost. */
  private async restore(): Promise<Operation> {
    const { latest } = await this.call<RecoveryWindow>('GET', '/recovery-window');
    if (!latest) throw new Error('the cluster has no recovery window');
    return this.call('POST', '/restore', { target: { type: 'lsn', lsn: latest.lsn } });
  }

  /** Undoes a successful restore, so that every row is there again. */
  private async takenBack(ended: Operation, kind: FaultCase['operation']): Promise<void> {
    if (kind !== 'cluster.restore' || ended.kind !== 'cluster.restore' || ended.state !== 'succeeded') return;
    const undone = await this.platform.api.follow(
      (await this.call<Operation>('POST', '/restore/undo')).id,
      endMs,
    );
    expect(undone.error).toBeUndefined();
    await this.settle();
    // Rows written to the restored data stay with those data.
    await this.writer.expectOnlyWhatIsThere();
  }

  /** Waits until the step runs; returns true if it was over before it was seen. */
  private async reached(operationId: string, step: string): Promise<boolean> {
    const { steps } = await until(
      () => this.platform.api.operation(operationId),
      (seen) => isOver(seen) || stateOf(seen, step) !== 'pending',
      endMs,
      50,
    );
    return steps.find(({ name }) => name === step)?.state !== 'running';
  }

  private async machineOf(target: FaultCase['target'], clusterId: string): Promise<string> {
    if (target === 'etcd') return 'etcd1';
    if (target === 'object_store') return storeMachine;
    // During a creation, machines appear while the operation runs.
    const names = await until(
      async () => {
        const prefix = `${clusterId.slice(-12)}-`;
        const machines = await this.platform.lab.list();
        return machines.map(({ name }) => name).filter((name) => name.startsWith(prefix));
      },
      (found) => found.length >= 3,
      60_000,
      200,
    );
    if (target === 'load_balancer') return names.find((name) => name.endsWith('-lb')) ?? '';
    const { members } = await this.platform.api.cluster(clusterId);
    const leader = members.find(({ role }) => role === 'leader')?.name ?? names[0] ?? '';
    const nodes = names.filter((name) => !name.endsWith('-lb'));
    return target === 'leader' ? leader : (nodes.find((name) => name !== leader) ?? '');
  }

  private async take(machine: string, loss: FaultCase['loss']): Promise<void> {
    const { lab } = this.platform;
    try {
      if (loss === 'power') await lab.setPower(machine, 'off');
      else await lab.setNetwork(machine, 'cut');
    } catch (error) {
      // During a deletion, a machine may already be gone.
      if (!/no machine/i.test(String(error))) throw error;
      return;
    }
    this.away.set(machine, () =>
      loss === 'power' ? lab.setPower(machine, 'on') : lab.setNetwork(machine, 'up'),
    );
  }

  private async heal(): Promise<void> {
    for (const [machine, back] of this.away) {
      await back().catch((error: unknown) => {
        if (!/no machine/i.test(String(error))) throw error;
      });
      this.away.delete(machine);
    }
  }

  /** Retries a failed operation. A refusal (409) means that there is nothing to retry. */
  private async mend(failed: Operation): Promise<Operation> {
    const { api } = this.platform;
    const retried = await api.retry(failed.id).then(
      (operation) => operation,
      (refusal: { status?: number }) => {
        if (refusal.status !== 409) throw refusal;
        return null;
      },
    );
    if (!retried) return failed;
    const ended = await api.follow(failed.id, endMs);
    expect(ended.error).toBeUndefined();
    return ended;
  }

  private async dispose(clusterId: string, kind: FaultCase['operation']): Promise<void> {
    if (kind === 'cluster.delete') return;
    const { id } = await this.platform.api.deleteCluster(clusterId, false);
    expect((await this.platform.api.follow(id, endMs)).error).toBeUndefined();
  }
}

const isOver = ({ state }: Operation): boolean => !['scheduled', 'pending', 'running'].includes(state);

const stateOf = ({ steps }: Operation, step: string): string =>
  steps.find(({ name }) => name === step)?.state ?? 'pending';
