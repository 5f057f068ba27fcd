import { Inject, Injectable } from '@nestjs/common';
import type { JobResult } from '@pgfleet/contracts';
import { fail, next, runJob, type Outcome, type StepContext } from '@pgfleet/operations';
import { DataSource, In, type EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../config';
import { ReachableMachines } from '../machines/reachable-machines';
import { MachineEntity, type ClusterEntity } from '../persistence/cluster.entity';
import { configureJob } from './configure-job';
import { explainFailedJob, isUnreachable } from './explain-failed-job';

interface Wanted {
  cluster: ClusterEntity;
  /** Every machine of the cluster: each machine's configuration names the others. */
  machines: MachineEntity[];
  /** The machines to configure; all if omitted. */
  only?: readonly string[];
  /** The step fails without these machines. */
  needed?: readonly string[];
  /** Nodes that are about to leave the cluster: they become neither leader nor synchronous standby. */
  leaving?: readonly string[];
}

/**
 * The step that applies a change to all of a cluster's machines, one after the other. A machine that is down does not hold up the
 * others: it is marked and configured when it returns (PendingMachines).
 */
@Injectable()
export class MachineConfiguration {
  constructor(
    private readonly database: DataSource,
    private readonly reachable: ReachableMachines,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Ends with `next({ pending })`: the machines that are configured when they return. */
  async step(context: StepContext<unknown>, wanted: Wanted): Promise<Outcome> {
    const result = context.signal<JobResult>('job');
    const unreachable = (result?.failures ?? []).filter(({ message }) => isUnreachable(message));
    const lost = new Set(unreachable.map(({ host }) => host));
    if (result && result.state !== 'succeeded' && lost.size < Math.max(1, result.failures.length))
      return explainFailedJob(result);
    if (context.expired)
      return fail(
        'The runner gave no answer in time.',
        'See whether ansible-runner runs, then retry the operation.',
      );
    const all = wanted.machines.filter(({ name }) => wanted.only?.includes(name) ?? true);
    // Machines that this step has already marked are not tried again: a machine that keeps coming and going would block the step
    // for ever.
    const marked = await this.markedSince(context.stepStartedAt, all);
    const candidates = all.filter(({ name }) => !marked.has(name) && !lost.has(name));
    if (result?.state === 'succeeded')
      return this.finish(
        candidates.map(({ name }) => name),
        [...marked],
      );
    const present = (await this.reachable.of(candidates)).map(({ name }) => name);
    const away = all.map(({ name }) => name).filter((name) => !present.includes(name));
    const missing = (wanted.needed ?? []).filter((name) => !present.includes(name));
    if (missing.length > 0)
      return fail(
        `${missing.join(', ')} cannot be reached over ssh.`,
        'Bring the machine back (power, network, ssh), then retry the operation.',
      );
    const fresh = away.filter((name) => !marked.has(name));
    if (fresh.length > 0)
      await context.note(`${fresh.join(', ')}: down; will be configured when it returns.`);
    if (present.length === 0) return this.finish([], away);
    const job = configureJob(wanted.cluster, wanted.machines, this.config, {
      isLeaving: (name) => wanted.leaving?.includes(name) ?? false,
    });
    const vars = { ...job.vars, one_by_one: true, only: present.join(':') };
    return runJob({ ...job, vars }).with((tx) => this.mark(tx, away));
  }

  private finish(configured: string[], pending: string[]): Outcome {
    return next({ pending }).with(async (tx) => {
      await this.mark(tx, pending);
      const nothing = { pendingSince: null, pendingFailures: 0, pendingRetryAt: null };
      if (configured.length > 0) await tx.update(MachineEntity, { name: In(configured) }, nothing);
    });
  }

  private async mark(tx: EntityManager, names: string[]): Promise<void> {
    if (names.length > 0)
      await tx.query(
        'update machines set pending_since = clock_timestamp(), pending_failures = 0, pending_retry_at = null where name = any($1)',
        [names],
      );
  }

  private async markedSince(since: Date, machines: MachineEntity[]): Promise<Set<string>> {
    const rows = await this.database.manager.findBy(MachineEntity, {
      name: In(machines.map(({ name }) => name)),
    });
    return new Set(
      rows.filter(({ pendingSince }) => pendingSince && pendingSince >= since).map(({ name }) => name),
    );
  }
}
