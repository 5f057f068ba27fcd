import { z } from 'zod';
import { ClusterId, OperationId } from '../ids';
import { Cause, Instant, Lsn, NodeName } from './fields';

/** Trades how soon a lost leader is replaced against how long a disturbance may last before the leader counts as lost. */
export const FailoverProfile = z.enum(['fast', 'standard', 'cautious']).meta({
  id: 'FailoverProfile',
  description:
    'fast: replaces a lost leader within 20 s plus an election, and tolerates 5 s without etcd; standard: 30 s, tolerates 10 s; cautious: 60 s, tolerates 20 s',
});
export type FailoverProfile = z.infer<typeof FailoverProfile>;

/** What an acknowledged write survives. */
export const Durability = z.enum(['async', 'sync', 'strict-sync', 'quorum']).meta({
  id: 'Durability',
  description:
    'async: only the leader has the write; sync: one chosen replica has it too, unless no replica is available; ' +
    'strict-sync: the same, but writes wait while no replica is available; quorum: any one replica has it too',
});
export type Durability = z.infer<typeof Durability>;

/** The configured durability and the one in effect. */
export const DurabilityState = z
  .object({
    configured: Durability.meta({
      description: 'the configured durability; the same as `failover.durability`',
    }),
    effective: Durability.nullable().meta({
      description:
        'the durability in effect: `async` while the leader acknowledges writes alone; null while unknown',
    }),
    alone: z.boolean().meta({
      description:
        'the leader acknowledges writes that no replica has, although the durability requires one. If the leader is lost now, so are these writes',
    }),
    since: Instant.nullable().meta({ description: 'when `alone` became true; null while it is false' }),
  })
  .meta({ id: 'DurabilityState' });
export type DurabilityState = z.infer<typeof DurabilityState>;

const fencing = z.boolean().meta({
  description:
    "fail over at once, without waiting for the leader's lease, when the machine provider proves that its machine is off and the replicas have lost it",
});

/** Failover settings at creation. Omitted fields get the platform's defaults. */
export const FailoverChoice = z
  .strictObject({
    profile: FailoverProfile.default('fast'),
    durability: Durability.optional().meta({
      description: 'default: quorum with three nodes or more, otherwise async',
    }),
    fencing: fencing.default(true),
  })
  .meta({ id: 'FailoverChoice' });
export type FailoverChoice = z.infer<typeof FailoverChoice>;

export const FailoverChange = z
  .strictObject({
    profile: FailoverProfile.optional(),
    durability: Durability.optional(),
    fencing: fencing.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one field to change')
  .meta({ id: 'FailoverChange' });
export type FailoverChange = z.infer<typeof FailoverChange>;

/** The failover settings and the time bounds that follow from them. */
export const FailoverSettings = z
  .object({
    profile: FailoverProfile,
    durability: Durability,
    fencing,
    fencingPossible: z.boolean().meta({
      description: 'whether the machine provider can prove that a machine is off; if not, nothing is fenced',
    }),
    failsafe: z.boolean().meta({
      description: 'while etcd is down, the leader keeps leading as long as every member answers it',
    }),
    leaderLossSeconds: z.int().meta({
      description: 'longest time to replace a leader that lost its machine or network, without fencing',
      example: 24,
    }),
    etcdLossSeconds: z.int().meta({
      description:
        'how long etcd can be down, at least, before a leader steps down; it steps down only if some member does not answer it',
      example: 10,
    }),
  })
  .meta({ id: 'FailoverSettings' });
export type FailoverSettings = z.infer<typeof FailoverSettings>;

export const SwitchoverRequest = z
  .strictObject({
    candidate: NodeName.optional().meta({
      description: 'the replica to promote; default: the one with the least lag',
    }),
    at: Instant.optional().meta({
      description: 'when to switch; default: now. Cancel a scheduled switchover like any other operation.',
    }),
    maxWaitSeconds: z.int().min(0).max(3600).default(30).meta({
      description:
        'how long to wait for transactions on the leader that run longer than the poolers may hold statements. No statement is held during this wait.',
    }),
    onBlockers: z.enum(['fail', 'terminate']).default('fail').meta({
      description:
        'what to do if such transactions are still open after that: fail, or terminate their sessions',
    }),
  })
  .default({ maxWaitSeconds: 30, onBlockers: 'fail' })
  .meta({ id: 'SwitchoverRequest' });
export type SwitchoverRequest = z.infer<typeof SwitchoverRequest>;

export const FailoverRequest = z
  .strictObject({
    candidate: NodeName.optional().meta({
      description: 'the replica to promote; default: the one with the least lag',
    }),
    confirmDataLoss: z.boolean().default(false).meta({
      description: 'accept that acknowledged writes may be lost; required unless it is certain that none are',
    }),
  })
  .default({ confirmDataLoss: false })
  .meta({ id: 'FailoverRequest' });
export type FailoverRequest = z.infer<typeof FailoverRequest>;

/**
 * How a member became the leader. `unplanned`: Patroni replaced a lost leader; `fenced`: the platform proved that the old leader was off;
 * `restore`: the cluster was restored.
 */
export const LeadershipOrigin = z.enum([
  'bootstrap',
  'switchover',
  'unplanned',
  'fenced',
  'forced',
  'restore',
]);
export type LeadershipOrigin = z.infer<typeof LeadershipOrigin>;

/** What a failover may have lost, in bytes of WAL, judged by the last observed position of the old leader. */
export const PossibleLoss = z
  .object({
    bytes: z.int().nonnegative().meta({
      description: 'WAL that the old leader was seen to have and the new leader does not have',
    }),
    sure: z.boolean().meta({
      description:
        'true: no acknowledged write is lost (synchronous replication, or the old leader handed over); false: the old leader may have written more than was seen. `cluster.failover.loss.measured` reports the real loss when it is back',
    }),
  })
  .meta({ id: 'PossibleLoss' });
export type PossibleLoss = z.infer<typeof PossibleLoss>;

/** How precisely the length of an outage is known. */
export const OutageBound = z.enum(['exact', 'at-most', 'at-least']).meta({
  id: 'OutageBound',
  description:
    'exact: another node saw when the old leader fell silent, to about a second; at-most: no node saw it, and the leader was lost some time after it last renewed its lease; at-least: the leader gave up its role and may have stopped serving earlier',
});
export type OutageBound = z.infer<typeof OutageBound>;

/** One leadership: which member led, on which timeline, since when, and how it began. */
export const Leadership = z
  .object({
    leader: NodeName,
    timeline: z.int().nullable(),
    origin: LeadershipOrigin.nullable().meta({
      description: 'null when it began while the platform was not watching',
    }),
    since: Instant,
    until: Instant.nullable(),
    cause: Cause.nullable(),
    promotedAt: Lsn.nullable().meta({ description: 'where its timeline begins', example: '0/5000060' }),
    outageMs: z
      .int()
      .nullable()
      .meta({ description: 'time from the last sign of the old leader to the first possible write' }),
    outageBound: OutageBound.nullable().meta({ description: 'how precisely `outageMs` is known' }),
    loss: PossibleLoss.nullable(),
    measuredLoss: z
      .object({ bytes: z.int(), transactions: z.int() })
      .nullable()
      .meta({ description: 'what only the old leader had, counted when it came back' }),
    operationId: OperationId.nullable(),
    patroniReason: z.string().nullable().meta({
      description: "what Patroni's own history says about the timeline",
      example: 'no recovery target specified',
    }),
  })
  .meta({ id: 'Leadership' });
export type Leadership = z.infer<typeof Leadership>;

export const ClusterHistory = z
  .object({
    clusterId: ClusterId,
    items: z.array(Leadership),
    reducedDurability: z
      .array(
        z.object({
          since: Instant,
          until: Instant.nullable().meta({ description: 'null while it lasts' }),
          configured: Durability,
          leader: NodeName,
        }),
      )
      .meta({
        description:
          'periods in which the leader acknowledged writes alone although the durability requires a replica; the last hundred, newest first',
      }),
  })
  .meta({ id: 'ClusterHistory', description: 'newest first' });
export type ClusterHistory = z.infer<typeof ClusterHistory>;
