import { z } from 'zod';

/** Patroni reports `primary`; releases before 4 reported `master`. This code always uses `leader`. */
const Role = z
  .string()
  .transform((role) => (role === 'primary' || role === 'master' ? 'leader' : role))
  .meta({ description: 'leader, replica, standby_leader, demoted, uninitialized …' });

/**
 * What a node's Patroni answers to `GET /patroni`, whatever state PostgreSQL is in.
 * @see https://patroni.readthedocs.io/en/latest/rest_api.html
 */
const StatusAnswer = z
  .object({
    state: z.string(),
    role: Role,
    server_version: z.int().optional(),
    timeline: z.int().optional(),
    xlog: z
      .object({
        location: z.int().optional(),
        received_location: z.int().nullish(),
        replayed_location: z.int().nullish(),
        replayed_timestamp: z.string().nullish(),
        paused: z.boolean().optional(),
      })
      .optional(),
    replication_state: z.string().optional(),
    replication: z
      .array(z.object({ application_name: z.string(), state: z.string(), sync_state: z.string() }))
      .optional(),
    pause: z.boolean().optional(),
    cluster_unlocked: z.boolean().optional(),
    dcs_last_seen: z.int().optional(),
    patroni: z.object({ version: z.string(), scope: z.string(), name: z.string() }),
  })
  .transform((answer) => ({
    name: answer.patroni.name,
    scope: answer.patroni.scope,
    /** PostgreSQL's state as Patroni reports it: running, starting, stopped, crashed, unknown … */
    state: answer.state,
    role: answer.role,
    timeline: answer.timeline ?? null,
    /** The state of a replica's WAL receiver: `streaming`, `in archive recovery`; null on a leader or when it is idle. */
    replicationState: answer.replication_state ?? null,
    /** WAL position in bytes: the written one on a leader, the replayed one on a replica. */
    walPosition: answer.xlog?.location ?? answer.xlog?.replayed_location ?? null,
    /** The replicas that stream from a leader. */
    feeds: (answer.replication ?? []).map((replica) => ({
      name: replica.application_name,
      state: replica.state,
      syncState: replica.sync_state,
    })),
    /** An operator has paused Patroni. */
    paused: answer.pause ?? false,
    /** Nobody holds the leader lock. */
    unlocked: answer.cluster_unlocked ?? false,
    /** When this node last reached etcd; null for releases that do not report it. */
    etcdSeenAt: answer.dcs_last_seen === undefined ? null : new Date(answer.dcs_last_seen * 1000),
  }));
export type PatroniStatus = z.output<typeof StatusAnswer>;

const ClusterAnswer = z
  .object({
    scope: z.string().optional(),
    pause: z.boolean().optional(),
    members: z.array(
      z
        .object({
          name: z.string(),
          role: Role,
          state: z.string(),
          host: z.string().optional(),
          port: z.int().optional(),
          timeline: z.int().optional(),
          lag: z.union([z.int(), z.literal('unknown')]).optional(),
        })
        .transform((member) => ({
          name: member.name,
          role: member.role,
          state: member.state,
          host: member.host ?? null,
          port: member.port ?? null,
          timeline: member.timeline ?? null,
          /** Bytes behind the leader; null on the leader, and while unknown. */
          lagBytes: typeof member.lag === 'number' ? member.lag : null,
        })),
    ),
  })
  .transform((answer) => ({ members: answer.members, paused: answer.pause ?? false }));
export type PatroniCluster = z.output<typeof ClusterAnswer>;

/** Patroni answered, but not what its documentation promises. */
export class PatroniAnswerError extends Error {
  constructor(url: string, reason: string, options?: ErrorOptions) {
    super(`${url} gave an answer that is not Patroni's: ${reason}`, options);
    this.name = 'PatroniAnswerError';
  }
}

/**
 * The REST API of one node's Patroni: the requests that need no password. Every call takes a signal, because a node that is gone
 * does not even refuse the connection.
 * @example new PatroniRest('http://10.77.0.21:8008').status(AbortSignal.timeout(2000))
 */
export class PatroniRest {
  constructor(private readonly baseUrl: string) {}

  /** The node's own state, even while PostgreSQL is down. */
  status(signal: AbortSignal): Promise<PatroniStatus> {
    return this.get('/patroni', StatusAnswer, signal);
  }

  /** All members, as this node read them from etcd in its last round (up to `loop_wait` ago). */
  cluster(signal: AbortSignal): Promise<PatroniCluster> {
    return this.get('/cluster', ClusterAnswer, signal);
  }

  /** Whether PostgreSQL runs and accepts connections. */
  isHealthy(signal: AbortSignal): Promise<boolean> {
    return this.isTrue('/health', signal);
  }

  /** Whether the node holds the leader lock and PostgreSQL takes writes; the load balancer checks the same. */
  isPrimary(signal: AbortSignal): Promise<boolean> {
    return this.isTrue('/primary', signal);
  }

  /** Whether the node is a running replica and, with `maxLagBytes`, no further behind than that. */
  isReplica(signal: AbortSignal, maxLagBytes?: number): Promise<boolean> {
    return this.isTrue(maxLagBytes === undefined ? '/replica' : `/replica?lag=${maxLagBytes}`, signal);
  }

  private async get<Answer extends z.ZodType>(
    path: string,
    schema: Answer,
    signal: AbortSignal,
  ): Promise<z.output<Answer>> {
    const url = this.baseUrl + path;
    // The status code (503: not running) repeats what the body says; only the body counts.
    const response = await fetch(url, { signal });
    const text = await response.text();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      throw new PatroniAnswerError(url, `status ${response.status}, no JSON`, { cause: error });
    }
    const parsed = schema.safeParse(json);
    if (!parsed.success) throw new PatroniAnswerError(url, z.prettifyError(parsed.error));
    return parsed.data;
  }

  private async isTrue(path: string, signal: AbortSignal): Promise<boolean> {
    const response = await fetch(this.baseUrl + path, { signal });
    await response.body?.cancel();
    return response.status === 200;
  }
}
