import { setTimeout as pause } from 'node:timers/promises';
import { leaderOf, untilStreaming, type OnMachine, type Site } from './site';
import type { PgfleetSite } from './pgfleet-site';

/** https://github.com/patroni/patroni/blob/master/haproxy.cfg, with the poolers that the report puts in front of each database. */
const haproxy = (nodes: Site['nodes']): string => `global
    maxconn 4000
defaults
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s
listen primary
    bind *:5000
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
${nodes.map(({ name, address }) => `    server ${name} ${address}:6433 maxconn 1000 check port 8008`).join('\n')}
`;

/** Patroni as Debian starts it, with its default settings and no part of pgfleet beside it. */
const patroni = `set -e
systemctl disable -q --now pgfleet-follow-leader.service pgfleet-settle.timer
sed -i "s#patch-patroni apply#patch-patroni remove#" /etc/systemd/system/patroni.service.d/pgfleet.conf
sed -i '/^  bin_name:/,/^    pg_rewind:/d; s#/usr/local/lib/pgfleet/archive-get \\([^ ]*\\) %f#pgbackrest --stanza=\\1 archive-get %f#' /etc/patroni/config.yml
systemctl daemon-reload
systemctl restart patroni.service`;
const defaults =
  'ttl=30 loop_wait=10 retry_timeout=10 maximum_lag_on_failover=1048576 synchronous_mode=off failsafe_mode=false';
const edit = `patronictl -c /etc/patroni/config.yml edit-config -q --force ${defaults
  .split(' ')
  .map((setting) => `-s ${setting}`)
  .join(' ')}`;

/** Patroni and HAProxy as their own documentation sets them up, on separate machines. */
export class RawSite implements Site {
  readonly name = 'Patroni + HAProxy';
  readonly clusterId: string;
  readonly uri: string;
  readonly host: string;
  readonly nodes: Site['nodes'];

  private constructor(
    made: PgfleetSite,
    private readonly on: OnMachine,
  ) {
    ({ clusterId: this.clusterId, uri: this.uri, host: this.host, nodes: this.nodes } = made);
  }

  /** Removes from a cluster of the platform what the platform adds. */
  static async outOf(made: PgfleetSite, on: OnMachine): Promise<RawSite> {
    const site = new RawSite(made, on);
    // The platform may observe, but must not help.
    await made.set({ fencing: false, durability: 'async' });
    await on(site.nodes[0]?.name ?? '', edit);
    const leader = await leaderOf(site);
    for (const { name } of [...site.nodes].sort((one) => (one.name === leader ? 1 : -1))) {
      await on(name, patroni);
      await untilStreaming(site);
    }
    const balancer = (site.nodes[0]?.name ?? '').replace(/-\d+$/, '-lb');
    const config = haproxy(site.nodes);
    await on(
      balancer,
      `systemctl disable -q --now pgfleet-follow-members.service && echo '' > /var/lib/pgfleet/load-balancer/members.cfg && cat > /etc/haproxy/haproxy.cfg <<'END' && systemctl restart haproxy.service\n${config}END\n`,
    );
    await site.whole();
    // HAProxy takes every server for up until three checks, three seconds apart, have failed.
    await pause(12_000);
    return site;
  }

  async switchOver(): Promise<void> {
    const leader = await leaderOf(this);
    const candidate = this.nodes.find(({ name }) => name !== leader)?.name ?? '';
    await this.on(
      leader,
      `patronictl -c /etc/patroni/config.yml switchover --force --leader ${leader} --candidate ${candidate}`,
    );
  }

  whole(): Promise<void> {
    return untilStreaming(this);
  }
}
