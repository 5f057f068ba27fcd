import { followEvents, type Platform } from '@pgfleet/platform';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

interface WatchAnswer {
  Events?: { kv: { key: string; value?: string; mod_revision: number }; type?: number }[];
}

interface Heard {
  at: number;
  /** When cluster-service created the event. */
  madeAt: number;
}

export interface Delay {
  ms: number;
  /** The part of the delay from the creation of the event to the subscriber. */
  publishedMs: number;
}

/**
 * Records when a new leader appears in etcd, and when an outside subscriber receives the event. Both are seen from this machine,
 * by one clock. Both include the time that a watch on etcd takes to get here.
 */
export class ElectionWatch {
  private readonly written = new Map<string, number>();
  private readonly heard = new Map<string, Heard>();

  private constructor(
    private readonly etcd: ChildProcess,
    private stopFollowing: () => Promise<void>,
  ) {}

  static async start({ access }: Platform, ssh: readonly string[]): Promise<ElectionWatch> {
    const etcdctl = `env $(grep -v '^#' /etc/pgfleet/etcdctl.env | xargs) etcdctl watch --prefix /service/ -w json`;
    const etcd = spawn(ssh[0] ?? 'ssh', [...ssh.slice(1), 'etcd1', etcdctl], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const watch = new ElectionWatch(etcd, () => Promise.resolve());
    createInterface({ input: etcd.stdout }).on('line', (line) => watch.read(line, Date.now()));
    const { stop } = await followEvents(
      access.nats,
      { from: 'new', subject: 'events.cluster.*.leader.changed' },
      ({ data, time }) => {
        const { etcdRevision } = data as { etcdRevision: string };
        if (!watch.heard.has(etcdRevision))
          watch.heard.set(etcdRevision, { at: Date.now(), madeAt: Date.parse(time) });
      },
    );
    watch.stopFollowing = stop;
    return watch;
  }

  /** From the key to the event, for every election that appears in both. */
  delays(): Delay[] {
    return [...this.heard].flatMap(([revision, { at, madeAt }]) => {
      const written = this.written.get(revision);
      return written === undefined ? [] : [{ ms: Math.max(0, at - written), publishedMs: at - madeAt }];
    });
  }

  /** The same, once: later elections count from zero. */
  take(): Delay[] {
    const delays = this.delays();
    this.written.clear();
    this.heard.clear();
    return delays;
  }

  async stop(): Promise<void> {
    this.etcd.kill();
    await this.stopFollowing();
  }

  private read(line: string, at: number): void {
    const { Events: events = [] } = JSON.parse(line) as WatchAnswer;
    for (const { kv, type } of events) {
      const key = Buffer.from(kv.key, 'base64').toString();
      if (type !== 1 && key.endsWith('/leader')) this.written.set(String(kv.mod_revision), at);
    }
  }
}
