import { spawn } from 'node:child_process';
import { Command, CommanderError } from 'commander';
import { ensureHostPackages } from './host-packages';
import { ensureImage } from './image';
import type { LabClient } from './lab-client';
import { labPaths } from './lab-paths';
import type { MachineView } from './machine-api';
import { machinePaths } from './machine-paths';
import { ProblemError } from './problem';
import { labSettings, type LabSettings } from './settings';
import { connectLab, startLabd } from './start-labd';
import { stopLab } from './stop-lab';

const BOOT_SECONDS = 30;

/** Runs `npm run lab -- <verb> …` and returns its exit code: 0, 1 for a refusal or a fault, 2 for wrong usage, or ssh's own. */
export async function runLabCommand(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  try {
    const settings = labSettings();
    await labCommand(settings, (code) => (exitCode = code)).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(`lab: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

function labCommand(settings: LabSettings, exit: (code: number) => void): Command {
  const program = new Command('lab')
    .description('The machine room: machines of this lab, their power, their network and their logs.')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'lab: ')) })
    .enablePositionalOptions();
  const lab = () => connectLab(settings);
  const report = ({ name, address, state, fenced }: MachineView) =>
    console.log(`${name} ${address} ${state}${fenced ? ' fenced' : ''}`);

  program
    .command('ls')
    .description('list the machines')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => printMachines(await (await lab()).list(), json));
  program
    .command('boot <name>')
    .description(
      'make and boot a machine, or switch on one that is off; starts the lab and builds the image if need be',
    )
    .option('--role <role>', 'what the machine is for', 'machine')
    .action(async (name: string, { role }: { role: string }) => {
      const machine = await boot(await bringUp(settings), name, role);
      report(machine);
      if (machine.state !== 'running') throw new Error(bootFault(machine));
    });
  program
    .command('kill <name>')
    .description('power loss: every process ends at once, nobody is told')
    .action(async (name: string) => {
      const { state, since } = await (await lab()).setPower(name, 'off');
      console.log(`${name} is ${state} since ${since}`);
    });
  program
    .command('fence <name>')
    .description('keep a machine that is off from being switched on, by anyone, until unfence')
    .action(async (name: string) => report(await (await lab()).setFenced(name, true)));
  program
    .command('unfence <name>')
    .description('let a fenced machine be switched on again; it stays off until then')
    .action(async (name: string) => report(await (await lab()).setFenced(name, false)));
  program
    .command('cut <name>')
    .description('pull the network cable')
    .action(async (name: string) => report(await (await lab()).setNetwork(name, 'cut')));
  program
    .command('heal <name>')
    .description('plug the network cable in again')
    .action(async (name: string) => report(await (await lab()).setNetwork(name, 'up')));
  program
    .command('freeze <name>')
    .description('stop every process where it stands')
    .action(async (name: string) => report(await (await lab()).setFrozen(name, true)));
  program
    .command('thaw <name>')
    .description('let a frozen machine go on')
    .action(async (name: string) => report(await (await lab()).setFrozen(name, false)));
  program
    .command('ssh <name> [command...]')
    .description('log in as root, or run a command')
    .passThroughOptions()
    .action(async (name: string, command: string[]) => {
      const { name: found } = await (await lab()).get(name);
      exit(await passTo('ssh', ['-F', labPaths(settings).sshConfig, found, ...command]));
    });
  program
    .command('logs <name> [options...]')
    .description("the machine's journal, also when it is off; options go to journalctl, e.g. -u patroni -f")
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (name: string, options: string[]) => {
      const { name: found } = await (await lab()).get(name);
      const { journal } = machinePaths(labPaths(settings), found);
      exit(await passTo('journalctl', ['--no-pager', `--directory=${journal}`, ...options]));
    });
  program
    .command('console <name>')
    .description('what the machine wrote to its console')
    .action(async (name: string) => void process.stdout.write(await (await lab()).console(name)));
  program
    .command('rm <name>')
    .description('remove a machine and its disk')
    .action(async (name: string) => (await lab()).destroy(name));
  program
    .command('capacity [machines]')
    .description('show, or set, how many machines the lab takes')
    .action(async (machines?: string) => {
      const client = await lab();
      const { limit, used } = (
        machines ? await client.setCapacity(Number(machines)) : await client.capacity()
      ).machines;
      console.log(`${used} of ${limit} machines`);
    });
  program
    .command('up')
    .description('start the lab without machines')
    .action(async () => console.log(`lab ${(await (await bringUp(settings)).info()).lab} is up`));
  program
    .command('down')
    .description('end the lab and remove all of it')
    .option('--keep-data', "keep the machines' disks for the next start")
    .action(async (options: { keepData?: boolean }) => stopLab(settings, options));
  return program;
}

async function bringUp(settings: LabSettings): Promise<LabClient> {
  const progress = (line: string) => console.error(line);
  await ensureHostPackages(progress);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await ensureImage(settings, progress, interrupted.signal);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  return startLabd(settings);
}

async function boot(client: LabClient, name: string, role: string): Promise<MachineView> {
  try {
    await client.get(name);
    await client.setPower(name, 'on');
  } catch (error) {
    if (!(error instanceof ProblemError && error.problem.code === 'not-found')) throw error;
    await client.create(name, { role, sshKeys: [] });
  }
  return client.get(name, BOOT_SECONDS);
}

function bootFault({ name, state, bootFailure }: MachineView): string {
  const end = bootFailure ? `the end of its console: ${bootFailure}` : `npm run lab -- console ${name}`;
  return `${name} is ${state} ${BOOT_SECONDS} s after it was switched on, or earlier; ${end}`;
}

function printMachines(machines: readonly MachineView[], json = false): void {
  if (json) return console.log(JSON.stringify({ machines }, null, 2));
  const rows = machines.map(({ name, address, state, network, fenced, role }) => [
    name,
    address,
    state,
    network,
    fenced ? 'yes' : 'no',
    role,
  ]);
  const table = [['NAME', 'ADDRESS', 'STATE', 'NETWORK', 'FENCED', 'ROLE'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

function passTo(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    child.once('error', (error) => reject(new Error(`cannot run ${program}: ${error.message}`)));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
