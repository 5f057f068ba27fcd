import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId, type RestoreTargetCheck } from '@pgfleet/contracts';
import { type ArchivingNode, pgbackrestConf } from '@pgfleet/integration';
import { restore } from '@pgfleet/pgbackrest';

export type Reachable = Extract<RestoreTargetCheck, { ok: true }>;

/** A place to restore to, with the program that restores on nodes, called as the control plane calls it. */
export class RestoreSite {
  private readonly operation = newId('op');

  constructor(
    private readonly machine: ArchivingNode,
    private readonly name: string,
  ) {}

  /** Restores and recovers. Returns where recovery ended, as the program reports it, and the rows that were there. */
  async restore(found: Reachable): Promise<{ end: string; rows: number[] }> {
    const home = `/srv/${this.name}`;
    const folder = join(this.machine.folder, this.name);
    await this.machine.must(['mkdir', '-p', home]);
    writeFileSync(join(folder, 'restore.conf'), pgbackrestConf(found.stanza, { home }));
    writeFileSync(join(folder, 'restored.sql'), `copy (select n from t) to '${home}/rows'`);
    const { stanza, target, timeline, backupLabel: label } = found;
    const argv = restore({ stanza, target, timeline, label, config: `${home}/restore.conf` });
    await this.run('restore', ...argv);
    const said = await this.run('recover', `${home}/restored.sql`, 'in-place');
    const rows = readFileSync(join(folder, 'rows'), 'utf8').split('\n').filter(Boolean).map(Number);
    return { end: said.trim().split('\n').at(-1)!, rows: rows.sort((a, b) => a - b) };
  }

  async clear(): Promise<void> {
    await this.machine.must(['rm', '-rf', `/srv/${this.name}`]);
  }

  private async run(command: string, ...rest: string[]): Promise<string> {
    const argv = ['python3', '-s', '/srv/restore', command, `/srv/${this.name}/data`, this.operation];
    return (await this.machine.must([...argv, ...rest])).stdout;
  }
}
