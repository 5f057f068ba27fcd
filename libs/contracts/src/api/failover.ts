import { z } from 'zod';
import { ClusterId, OperationId } from '../ids';
import { Cause, Instant, Lsn, NodeName } from './fields';

/** How soon a leader that is gone is replaced, against how long a disturbance may last before it counts as gone. */
export const FailoverProfile = z.enum(['fast', 'standard', 'cautious']).meta({
  id: 'FailoverProfile',
  description:
    'fast: replaced within 20 s and an election, rides out 5 s without etcd; standard: 30 s, rides out 10 s; cautious: 60 s, rides out 20 s',
});
export type FailoverProfile = z.infer<typeof FailoverProfile>;

/** What an acknowledged write survives. */
export const Durability = z.enum(['async', 'sync', 'strict-sync', 'quorum']).meta({
  id: 'Durability',
  description:
    'async: the leader alone; sync: one chosen replica has it too, given up while there is none; strict-sync: the same, never given up: ' +
    'writes wait; quorum: any one replica has it too',
});
export type Durability = z.infer<typeof Durability>;

/** What was asked for, and what is so now. */
export const DurabilityState = z
  .object({
    configured: Durability.meta({ description: 'what was asked for; the same as `failover.durability`' }),
    effective: Durability.nullable().meta({
      description:
        'what an acknowledged write survives now: `async` while the leader acknowledges writes alone; null until it is known',
    }),
    alone: z.boolean().meta({
      description:
        'the leader acknowledges writes that no replica has, although the durability asks for one: if it is lost now, they are, too',
    }),
    since: Instant.nullable().meta({ description: 'since when `alone` is true; null while it is not' }),
  })
  .meta({ id: 'DurabilityState' });
export type DurabilityState = z.infer<typeof DurabilityState>;

const fencing = z.boolean().meta({
  description:
    "fail over at once when the machine provider proves that the leader's machine is off and the replicas have lost it, instead of waiting for its lease",
});

/** Chosen at creation; what is left out gets the platform's default. */
export const FailoverChoice = z
  .strictObject({
    profile: FailoverProfile.default('fast'),
    durability: Durability.optional().meta({
      description: 'default: quorum from three nodes on, else async',
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
  .refine((change) => Object.keys(change).length > 0, 'say at least one thing to change')
  .meta({ id: 'FailoverChange' });
export type FailoverChange = z.infer<typeof FailoverChange>;

/** The settings, and the bounds that they give. */
export const FailoverSettings = z
  .object({
    profile: FailoverProfile,
    durability: Durability,
    fencing,
    fencingPossible: z.boolean().meta({
      description:
        'whether the machine provider can prove that a machine is off; without that nothing is fenced',
    }),
    failsafe: z.boolean().meta({
      description: 'while etcd is away the leader goes on as long as every member answers it',
    }),
    leaderLossSeconds: z.int().meta({
      description: 'bound for replacing a leader whose machine or network is gone, without fencing',
      example: 24,
    }),
    etcdLossSeconds: z.int().meta({
      description:
        'how long etcd may be away, at the least, before a leader that not every member answers steps down',
      example: 10,
    }),
  })
  .meta({ id: 'FailoverSettings' });
export type FailoverSettings = z.infer<typeof FailoverSettings>;

export const SwitchoverRequest = z
  .strictObject({
    candidate: NodeName.optional().meta({
      description: 'the replica that is to lead; else the one that is least behind',
    }),
    at: Instant.optional().meta({ description: 'when; at once if left out. Cancel it as any operation.' }),
    maxWaitSeconds: z.int().min(0).max(3600).default(30).meta({
      description:
        'how long to wait for transactions on the leader that go on for longer than statements may be held. Nobody is held meanwhile.',
    }),
    onBlockers: z.enum(['fail', 'terminate']).default('fail').meta({
      description:
        'what to do when such transactions are still open after that: give up, or end their sessions',
    }),
  })
  .default({ maxWaitSeconds: 30, onBlockers: 'fail' })
  .meta({ id: 'SwitchoverRequest' });
export type SwitchoverRequest = z.infer<typeof SwitchoverRequest>;

export const FailoverRequest = z
  .strictObject({
    candidate: NodeName.optional().meta({
      description: 'the replica that is to lead; else the one that is least behind',
    }),
    confirmDataLoss: z.boolean().default(false).meta({
      description: 'that acknowledged writes may be lost; needed unless it is known that none are',
    }),
  })
  .default({ confirmDataLoss: false })
  .meta({ id: 'FailoverRequest' });
export type FailoverRequest = z.infer<typeof FailoverRequest>;

/** How a member came to lead. `unplanned`: Patroni replaced a leader that was gone; `fenced`: the platform proved that it was off; `restore`: its data were restored. */
export const LeadershipOrigin = z.enum([
  'bootstrap',
  'switchover',
  'unplanned',
  'fenced',
  'forced',
  'restore',
]);
export type LeadershipOrigin = z.infer<typeof LeadershipOrigin>;

/** What a failover may have lost, in bytes of WAL, from what was last seen of the old leader. */
export const PossibleLoss = z
  .object({
    bytes: z.int().nonnegative().meta({
      description: 'WAL that the old leader was seen to have and the new leader did not',
    }),
    sure: z.boolean().meta({
      description:
        'true: not one acknowledged write is lost (synchronous, or the old leader handed over); false: the old leader may have written more than was seen; `cluster.failover.loss.measured` tells when it is back',
    }),
  })
  .meta({ id: 'PossibleLoss' });
export type PossibleLoss = z.infer<typeof PossibleLoss>;

/** How exactly an outage is known. */
export const OutageBound = z.enum(['exact', 'at-most', 'at-least']).meta({
  id: 'OutageBound',
  description:
    'exact: another node saw when the old leader fell silent, to about a second; at-most: nobody did, it was lost at some time after it last renewed its lease; at-least: it gave the lead up, and may have stopped serving before',
});
export type OutageBound = z.infer<typeof OutageBound>;

/** One leadership: who led on which timeline, since when, how it began. */
export const Leadership = z
  .object({
    leader: NodeName,
    timeline: z.int().nullable(),
    origin: LeadershipOrigin.nullable().meta({
      description: 'null: it began while nobody of the platform was watching',
    }),
    since: Instant,
    until: Instant.nullable(),
    cause: Cause.nullable(),
    promotedAt: Lsn.nullable().meta({ description: 'where its timeline begins', example: '0/5000060' }),
    outageMs: z
      .int()
      .nullable()
      .meta({ description: 'from the last sign of the old leader to the first possible write' }),
    outageBound: OutageBound.nullable().meta({ description: 'how exactly that is known' }),
    loss: PossibleLoss.nullable(),
    measuredLoss: z
      .object({ bytes: z.int(), transactions: z.int() })
      .nullable()
      .meta({ description: 'what the old leader had that nobody else had, counted when it came back' }),
    operationId: OperationId.nullable(),
    patroniReason: z.string().nullable().meta({
      description: "what Patroni's own history says of the timeline",
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
          'when the leader acknowledged writes alone although the durability asked for a replica; the newest hundred, newest first',
      }),
  })
  .meta({ id: 'ClusterHistory', description: 'newest first' });
export type ClusterHistory = z.infer<typeof ClusterHistory>;
