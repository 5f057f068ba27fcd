#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { labSettings, runLabCommand, stopLab } from '@pgfleet/lab';
import { repository } from './repository';
import { say } from './report';

const usage = `usage: npm start | npm stop [-- --keep-data] | npm run status [-- --json] | npm run events | npm run lab -- <verb> | npm test [-- <stage>…]

  start    bring up the lab and the control plane, and a first customer's 3-node cluster
  stop     end it all and leave nothing but caches; --keep-data keeps the machines' disks for the next start
  status   machines, services, clusters with members, roles, timeline and lag; --json for programs
  events   what happens, as an outside system hears it: a JSON line per event, until Ctrl-C; --all from the beginning,
           --subject 'events.cluster.*.leader.changed' for some
  lab      the machine room: ls, boot, kill, cut, heal, freeze, thaw, ssh, logs; lab --help tells more
  test     prove everything, or some of: checks unit integration e2e; e2e/failover is of e2e what matches;
           faults, which is to be named: machines, services and the store lost during backups and restores
  bench    measure: create, failover, backup, wal, pooler

Environment: PGFLEET_LAB (name), PGFLEET_SUBNET, PGFLEET_STATE, PGFLEET_CACHE: set the first two for a second checkout beside the first.
`;

/** Loads a verb's modules only when the verb is given: `lab` and `status` must answer at once. */
async function main([verb = '', ...args]: string[]): Promise<number> {
  if (verb === '' || verb === '--help' || verb === 'help' || (verb !== 'lab' && args.includes('--help'))) {
    process.stdout.write(usage);
    return verb === '' ? 2 : 0;
  }
  const allowed: Record<string, string[]> = { start: [], stop: ['--keep-data'], status: ['--json'] };
  const wrong = (allowed[verb] && args.find((argument) => !allowed[verb]?.includes(argument))) ?? null;
  if (wrong) throw new Error(`${verb} does not know ${wrong}; npm run ${verb} -- --help`);
  switch (verb) {
    case 'start':
      await (await import('./start.js')).start(labSettings());
      return 0;
    case 'stop':
      await stopLab(labSettings(), { keepData: args.includes('--keep-data') });
      say('stopped');
      return 0;
    case 'status': {
      const { platformStatus, renderStatus } = await import('./status.js');
      const status = await platformStatus(labSettings());
      process.stdout.write(
        `${args.includes('--json') ? JSON.stringify(status, null, 2) : renderStatus(status)}\n`,
      );
      return 0;
    }
    case 'events':
      await (await import('./print-events.js')).printEvents(args);
      return 0;
    case 'lab':
      return runLabCommand(args);
    case 'bench':
      return runBench(args);
    case 'test':
      return (await import('./test-run.js')).runTests(args);
    default:
      process.stderr.write(usage);
      return 2;
  }
}

const runBench = (args: string[]): number =>
  spawnSync(process.execPath, ['--enable-source-maps', join(repository, 'bench/dist/cli.js'), ...args], {
    stdio: 'inherit',
  }).status ?? 1;

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`pgfleet: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
