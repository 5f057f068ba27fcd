import type { LabClient } from '@pgfleet/lab';
import type { OnMachine } from '../failover/site';
import type { BackupSite, Took } from './site';

const machine = 'bench-raw';
const stanza = 'bench-raw';
const data = '/var/lib/postgresql/17/main';
/** The machine has as many databases as a cluster of the platform: each is three hundred files. */
const database = 'bench';

/** `as` runs a command as the database's user. Standard input is closed so that no command consumes the rest of the program. */
const program = (script: string): string => `set -eu
cd /
PATH=/usr/lib/postgresql/17/bin:$PATH
as() { runuser -u postgres -- "$@"; }
start() { as pg_ctl -D ${data} -s -W -l /var/log/pgbackrest/postgresql.log start; }
written() { as psql -qX -c 'create table if not exists bench_first_write (v int); insert into bench_first_write values (1)' 2>/dev/null; }
all() {
${script}
}
all </dev/null
`;

/** Settings of a node's Patroni that decide how much WAL there is and how it is archived. */
const settings = `
wal_log_hints = on
shared_buffers = 128MB
max_connections = 300
archive_mode = on
archive_timeout = 40s
wal_keep_size = 128MB
archive_command = 'pgbackrest --stanza=${stanza} archive-push %p'
unix_socket_directories = '/run/postgresql'
`;

/** PostgreSQL and pgBackRest on their own machine, and nothing else: every command by hand, over ssh. */
export class RawBackups implements BackupSite {
  readonly name = 'pgBackRest';

  private constructor(
    private readonly lab: LabClient,
    private readonly run: (script: string) => Promise<string>,
  ) {}

  /** Uses the pgBackRest options of the model's node, and its own stanza. */
  static async make(
    lab: LabClient,
    on: OnMachine,
    model: { node: string; stanza: string },
  ): Promise<RawBackups> {
    await lab.create(machine, { role: 'node', sshKeys: [] });
    await lab.get(machine, 60);
    const site = new RawBackups(lab, (script) => on(machine, 'bash -s', program(script)));
    const kit = await on(model.node, 'tar -c -C / etc/pgbackrest.conf etc/pgfleet/ca.crt | base64 -w0');
    await on(machine, 'base64 -d | tar -x -C /', kit);
    await site.run(`
      sed -i -e 's#^repo1-path=.*#repo1-path=/${stanza}#' -e 's#^\\[${model.stanza}\\]#[${stanza}]#' /etc/pgbackrest.conf
      install -d -o postgres -g postgres -m 750 /var/lib/postgresql/17 /var/spool/pgbackrest /var/log/pgbackrest
      install -d -o postgres -g postgres -m 2775 /run/postgresql
      rm -rf ${data}
      as initdb -D ${data} -A peer --data-checksums --encoding UTF8 --locale C --locale-provider builtin --builtin-locale C.UTF-8 >/dev/null
      cat >> ${data}/postgresql.conf <<'END'${settings}END
      start
      until written; do sleep 0.05; done
      as createdb ${database}
      as pgbackrest --stanza=${stanza} stanza-create
    `);
    return site;
  }

  async fill(scale: number): Promise<void> {
    await this.run(`
      as pgbench --initialize --quiet --scale=${scale} ${database}
      as psql -Xqc checkpoint
    `);
  }

  async load(transactions: number): Promise<void> {
    await this.run(
      `as pgbench --no-vacuum --client=4 --transactions=${Math.ceil(transactions / 4)} ${database}`,
    );
  }

  backUp(): Promise<Took> {
    return this.timed(`as pgbackrest --stanza=${stanza} --type=full backup`);
  }

  async archivedMoment(): Promise<string> {
    const said = await this.run(`
      as psql -XAtqc 'select clock_timestamp()'
      as psql -XAtqc "select pg_logical_emit_message(true, 'bench', 'after')" >/dev/null
      segment=$(as psql -XAtqc 'select pg_walfile_name(pg_switch_wal())')
      until [ "$(as psql -XAtqc "select last_archived_wal >= '$segment' from pg_stat_archiver")" = t ]; do sleep 0.2; done
    `);
    return said.trim();
  }

  /**
   * Stops PostgreSQL and sets its data aside, as the platform does. The restored database does not archive: its WAL would lead
   * the next run to its timeline.
   */
  async restore(to: string | 'latest'): Promise<Took> {
    const target = to === 'latest' ? '' : `--type=time '--target=${to}' --target-action=promote`;
    const stopped = await this.timed(`as pg_ctl -D ${data} -s -m fast stop && mv ${data} ${data}.before`);
    const restored = await this.timed(`
      install -d -o postgres -g postgres -m 700 ${data}
      as pgbackrest --stanza=${stanza} --archive-mode=off ${target} restore
      start
      until written; do sleep 0.05; done
    `);
    await this.run(`
      as pg_ctl -D ${data} -s -m immediate stop
      rm -rf ${data}
      mv ${data}.before ${data}
      start
      until written; do sleep 0.05; done
    `);
    const steps = [`of the last, until PostgreSQL was stopped and its data set aside: ${stopped.ms} ms`];
    return { ms: stopped.ms + restored.ms, steps };
  }

  async remove(): Promise<void> {
    await this.run(
      `
      as pg_ctl -D ${data} -s -m immediate stop || true
      as pgbackrest --stanza=${stanza} stop && as pgbackrest --stanza=${stanza} --force stanza-delete || true
    `,
    ).catch(() => undefined);
    await this.lab.destroy(machine);
  }

  private async timed(script: string): Promise<Took> {
    const begun = Date.now();
    await this.run(script);
    return { ms: Date.now() - begun, steps: [] };
  }
}
