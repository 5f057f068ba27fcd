import type { LabClient } from '@pgfleet/lab';
import { Client } from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { patroniView, repair, type Site } from './site';
import { writeGap, type GapMeasured } from './write-gap';

const frozenMs = 40_000;

export interface FrozenMeasured extends GapMeasured {
  /** What became of a write that waited in a socket of the frozen node, bypassing the load balancer. */
  direct: 'refused' | 'done by the new leader' | 'ACKNOWLEDGED AND LOST';
  rejoined: boolean;
}

/** Freezes the leader's machine for longer than its lease, with a customer's statement in its sockets, then thaws it. */
export async function frozenLeader(site: Site, lab: LabClient): Promise<FrozenMeasured> {
  const ssl = { rejectUnauthorized: false };
  let waiting: Promise<boolean> = Promise.resolve(false);
  let frozen = '';
  const measured = await writeGap(site, {
    harm: async (leader) => {
      frozen = leader;
      const address = site.nodes.find(({ name }) => name === leader)?.address ?? '';
      const uri = new URL(site.uri);
      uri.host = `${address}:6432`;
      uri.search = '';
      const past = new Client({ connectionString: uri.href, ssl });
      past.on('error', () => undefined);
      await past.connect();
      await past.query(
        'create table if not exists past_the_balancer (at timestamptz default clock_timestamp())',
      );
      await past.query('truncate past_the_balancer');
      await lab.setFrozen(leader, true);
      waiting = past.query('insert into past_the_balancer default values').then(
        () => true,
        () => false,
      );
      waiting = waiting.finally(() => past.end().catch(() => undefined));
      await pause(frozenMs);
    },
    repair: (leader) => repair(lab, [leader]),
  });
  const acknowledged = await Promise.race([waiting, pause(30_000).then(() => false)]);
  const through = new Client({ connectionString: site.uri.replace(/\?.*/, ''), ssl });
  await through.connect();
  const { rowCount } = await through.query('select from past_the_balancer');
  await through.end();
  const view = await patroniView(site);
  const rejoined = view?.members.some(({ name, state }) => name === frozen && state === 'streaming') ?? false;
  const direct = !acknowledged ? 'refused' : rowCount ? 'done by the new leader' : 'ACKNOWLEDGED AND LOST';
  return { ...measured, direct, rejoined };
}
