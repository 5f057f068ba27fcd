export interface ExitMeaning {
  cause: string;
  remedy: string;
  /** The fault may pass by itself soon: worth another attempt. */
  passing: boolean;
}

const store = "Look whether the object store runs and can be reached from the cluster's machines.";

/** @see https://github.com/pgbackrest/pgbackrest/blob/release/2.55.1/src/build/error/error.yaml */
const meanings: Record<number, ExitMeaning> = {
  27: {
    cause: 'the machine does not run the leader',
    remedy: 'Wait until the cluster has a leader, then retry.',
    passing: true,
  },
  28: {
    cause: 'the stanza in the store belongs to another database system',
    remedy:
      'Each history needs a stanza of its own: use another one, or delete the stanza if its backups are not needed.',
    passing: false,
  },
  37: {
    cause: "the machine's pgBackRest configuration does not know the stanza",
    remedy: 'Run the configuration of the nodes again, then retry.',
    passing: false,
  },
  41: {
    cause: 'pgBackRest may not read or write the store',
    remedy: "Look at the store's credentials and permissions.",
    passing: false,
  },
  44: {
    cause: 'the archive in the store belongs to another database system',
    remedy: 'Each history needs a stanza of its own: use another one.',
    passing: false,
  },
  49: { cause: 'the object store cannot be reached', remedy: store, passing: true },
  39: { cause: 'the object store refused a request', remedy: store, passing: true },
  50: {
    cause: 'another pgBackRest process works on the stanza on this machine',
    remedy: 'Wait until it has ended, then retry.',
    passing: true,
  },
  51: {
    cause: 'the stanza in the store belongs to another database system',
    remedy: 'Each history needs a stanza of its own: use another one.',
    passing: false,
  },
  55: {
    cause: 'the store does not hold what is needed, most likely the stanza',
    remedy: 'Create the stanza, then retry.',
    passing: false,
  },
  56: {
    cause: 'no leader could be reached on the machine',
    remedy: 'Wait until the cluster has a leader, then retry.',
    passing: true,
  },
  57: {
    cause: 'PostgreSQL refused a query of pgBackRest',
    remedy: 'Look at the output, and at the log of PostgreSQL on the leader.',
    passing: true,
  },
  58: {
    cause: "PostgreSQL on the machine is not the one that pgBackRest's configuration names",
    remedy: 'Run the configuration of the nodes again, then retry.',
    passing: false,
  },
  62: {
    cause: 'pgBackRest was stopped for the stanza on this machine',
    remedy: 'Run `pgbackrest start` for the stanza on the machine, then retry.',
    passing: false,
  },
  63: {
    cause: 'pgBackRest was told to end',
    remedy: 'Retry.',
    passing: true,
  },
  68: {
    cause: 'archive_command does not call pgBackRest',
    remedy: 'Run the configuration of the nodes again, then retry.',
    passing: false,
  },
  82: {
    cause: 'a WAL segment did not reach the store in time',
    remedy: `Look at the log of PostgreSQL on the leader for why archive_command fails. ${store}`,
    passing: false,
  },
  87: {
    cause: 'archive_mode is off',
    remedy: 'Turn archive_mode on and restart PostgreSQL.',
    passing: false,
  },
};

/** What an exit code of pgBackRest means, and what to do. */
export const exitMeaning = (code: number): ExitMeaning =>
  meanings[code] ?? {
    cause: `pgBackRest ended with code ${code}`,
    remedy: 'Look at the output for the reason, remove it, then retry.',
    passing: true,
  };
