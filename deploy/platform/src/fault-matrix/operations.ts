/** Operations that the runner (e2e/src/fault-matrix) starts through the API. */
export const started = [
  'cluster.switchover',
  'cluster.settings',
  'cluster.restore',
  'cluster.restore.undo',
  'cluster.create',
  'cluster.delete',
  'backup.run',
  'restore-point.create',
] as const;
export type Started = (typeof started)[number];

/** Facts about one operation beyond its steps, which its program names. */
export interface OperationFacts {
  /** Ends within seconds: the sample contains only such operations. */
  quick: boolean;
  /** By its nature the operation interrupts service: writes are not expected to continue. */
  interrupts: boolean;
  /** Steps that no case waits for, each with the reason. */
  without: Readonly<Record<string, string>>;
}

const none: Readonly<Record<string, string>> = {};
const wayBack = 'only a failed step leads there: cases of the step before it go through it';

export const operationFacts: Readonly<Record<Started, OperationFacts>> = {
  'cluster.switchover': { quick: true, interrupts: false, without: none },
  'cluster.settings': { quick: true, interrupts: false, without: none },
  'cluster.restore': {
    quick: false,
    interrupts: true,
    without: {
      prepare_machines: 'only for nodes that an earlier release has configured',
      recover_to_end: 'only for the target `latest`, which is not restored here: rows would be the same',
      put_back: wayBack,
      start_again: wayBack,
    },
  },
  'cluster.restore.undo': { quick: false, interrupts: true, without: none },
  'cluster.create': { quick: false, interrupts: false, without: none },
  'cluster.delete': { quick: false, interrupts: false, without: none },
  'backup.run': {
    quick: true,
    interrupts: false,
    without: {
      back_up: 'only where no replica could make the backup: cases of back_up_from_replica go through it',
    },
  },
  'restore-point.create': { quick: true, interrupts: false, without: none },
};

/** Operations without cases of their own, each with the reason. */
export const withoutCases: Readonly<Record<string, string>> = {
  'cluster.failover': 'it begins with a lost leader: failover.e2e.spec.ts',
  'cluster.certificates': 'not covered yet',
  'cluster.credentials.rotate': 'not covered yet',
  'cluster.create_from_backup': 'not covered yet',
  'cluster.replace_member': 'not covered yet',
  'cluster.failover.release_machine': 'begins by itself after a failed failover',
  'cluster.restore.confirm': 'not covered yet',
  'cluster.restore.discard': 'part of a restore that failed: its cases go through it',
  'cluster.restore.take_back': 'part of a cancelled restore: restore-machines.faults.spec.ts',
  'cluster.members.rebuild': 'begins by itself after a restore that lost a machine: its cases go through it',
  'cluster.configure_returned': 'begins by itself after changed settings: their cases go through it',
  'cluster.proof': 'on a machine of its own, not of a cluster: drills are repeated by schedule',
  'cluster.proof.remove_machine': 'as cluster.proof',
  'backup.drill': 'not covered yet',
  'backup.delete': 'not covered yet',
  'backup.list': 'begins by itself',
  'stanza.create': 'part of creating and restoring: their cases go through it',
  'stanza.delete': 'not covered yet',
};
