import { Controller, Inject, Module, type INestApplication } from '@nestjs/common';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  checkRestoreTarget,
  createStanza,
  eventSubject,
  getBackupPolicy,
  makeEvent,
  Job,
  jobFinished,
  newId,
  operationInProgress,
  takeFirstBackup,
  type JobResult,
  type Operation,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { MessagingModule, NATS, OnRequest, OnWork, startService } from '@pgfleet/messaging';

/** The result of a job on the machines: its exit code and its output. Nothing means success. */
type Ran = {
  exitCode: number;
  stdout?: string;
  stderr?: string;
  /** The machine that reports it; the first one by default. */
  host?: string;
  /** Machines that did not answer; the others did their part. */
  lost?: string[];
};
type Run = (job: Job) => Promise<Ran | void>;

const unreachable = 'the machine is unreachable over ssh: the connection was lost';

const nothing: Run = () => Promise.resolve();

/** The surroundings of cluster-service during a restore, as a spec sets them. */
export const world = {
  /** null: every target can be reached. */
  unreachable: null as RequestOutput<typeof checkRestoreTarget> | null,
  run: nothing,
  /** Every job that was run, in order. */
  ran: [] as Job[],
  stanzas: [] as string[],
  /** How often backup-service answers that it is busy before it does what it is asked for. */
  busy: { create_stanza: 0, first_backup: 0 },
  firstBackups: [] as string[],
  leftDays: 30,
};

const ended = (kind: string, clusterId: string): Operation => {
  const at = new Date().toISOString();
  const times = { scheduledAt: null, createdAt: at, updatedAt: at };
  return { id: newId('op'), kind, clusterId, state: 'succeeded', steps: [], ...times };
};

const refuseWhileBusy = (step: keyof typeof world.busy): void => {
  if (world.busy[step] === 0) return;
  world.busy[step]--;
  throw operationInProgress("backup.run op_1 is at step 'record'", {
    remedy: 'Wait until it has ended.',
  });
};

@Controller()
class Backups {
  @OnRequest(checkRestoreTarget)
  check({
    stanza,
    target,
  }: ParsedInput<typeof checkRestoreTarget>): RequestOutput<typeof checkRestoreTarget> {
    const backupLabel = '20261123-120000F';
    return world.unreachable ?? { ok: true, stanza, backupLabel, timeline: 1, target, exact: true };
  }

  @OnRequest(getBackupPolicy)
  policy({ clusterId }: ParsedInput<typeof getBackupPolicy>): RequestOutput<typeof getBackupPolicy> {
    return {
      ...{ clusterId, schedules: { full: null, differential: null, incremental: null }, timeZone: 'UTC' },
      ...{ spreadMinutes: 0, from: 'replica', drills: null, next: null },
      retention: { fulls: 2, days: 14, leftDays: world.leftDays },
    };
  }

  @OnRequest(createStanza)
  create({ clusterId, stanza }: ParsedInput<typeof createStanza>): Operation {
    refuseWhileBusy('create_stanza');
    world.stanzas.push(stanza);
    return ended('stanza.create', clusterId);
  }

  @OnRequest(takeFirstBackup)
  takeFirst({ clusterId, stanza }: ParsedInput<typeof takeFirstBackup>): Operation {
    refuseWhileBusy('first_backup');
    world.firstBackups.push(stanza);
    return ended('backup.run', clusterId);
  }
}

/** Reports like ansible-runner. */
@Controller()
class Runner {
  constructor(@Inject(NATS) private readonly nats: NatsConnection) {}

  @OnWork({
    stream: 'JOBS',
    filter: 'jobs.>',
    durable: 'spec-runner',
    schema: Job,
    ackWaitMs: 60_000,
    maxDeliver: 3,
    concurrency: 4,
  })
  async run(job: Job): Promise<void> {
    world.ran.push(job);
    const {
      exitCode,
      stdout = '',
      stderr = '',
      lost,
      ...ran
    } = (await world.run(job)) ?? ({ exitCode: 0 } as Ran);
    const host = ran.host ?? (job.kind === 'command' ? job.host.name : 'n1');
    const message = `ended with exit code ${exitCode}: ${stderr}`;
    const data: JobResult = {
      jobId: job.id,
      operationId: job.operationId,
      step: job.step,
      state: exitCode === 0 ? 'succeeded' : 'failed',
      exitCode,
      durationMs: 1,
      failures:
        lost?.map((name) => ({ host: name, task: job.kind, message: unreachable })) ??
        (exitCode === 0 ? [] : [{ host, task: job.kind, message }]),
      output: job.kind === 'command' && job.capture ? stdout : null,
    };
    const facts = { id: `${job.id}.finished`, service: 'ansible-runner', subject: job.id };
    const event = makeEvent(jobFinished, data, facts);
    const subject = eventSubject(jobFinished, job.id);
    await jetstream(this.nats).publish(subject, JSON.stringify(event), { msgID: event.id });
  }
}

/** Starts stand-ins for backup-service and ansible-runner. */
export const startRestoreWorld = async (natsUrl: string): Promise<INestApplication[]> => {
  const nats = { servers: natsUrl };
  @Module({
    imports: [MessagingModule.forRoot({ service: 'backup-service', nats, database: false })],
    controllers: [Backups],
  })
  class BackupService {}
  @Module({
    imports: [MessagingModule.forRoot({ service: 'ansible-runner', nats, database: false })],
    controllers: [Runner],
  })
  class AnsibleRunner {}
  return [
    await startService(BackupService, { service: 'backup-service', httpPort: 0 }),
    await startService(AnsibleRunner, { service: 'ansible-runner', httpPort: 0 }),
  ];
};
