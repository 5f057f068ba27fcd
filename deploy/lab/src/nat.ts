import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { onHost } from './host-packages';
import { LABD_PORT, type LabPaths } from './lab-paths';
import { removeIfEmpty } from './remove-if-empty';
import { runCommand } from './run-command';
import type { LabSettings } from './settings';

const FORWARDING = '/proc/sys/net/ipv4/ip_forward';
/** Records that forwarding was off before the first lab of this host: the last lab turns it off again. */
const FORWARDING_WAS_OFF = '/run/pgfleet/forwarding-was-off';

/**
 * Lets the lab's machines out through the host's address, and no traffic in: packets from outside the bridge reach neither a
 * machine nor labd. One nft table per lab, replaced as a whole.
 */
export async function ensureNat(settings: LabSettings, paths: LabPaths): Promise<void> {
  enableForwarding();
  const { subnet } = settings;
  const { natTable: table, bridge } = paths;
  const rules = [
    `table ip ${table} {}`,
    `delete table ip ${table}`,
    `table ip ${table} {`,
    `  chain postrouting { type nat hook postrouting priority srcnat; ip saddr ${subnet} oifname != "${bridge}" masquerade; }`,
    `  chain forward { type filter hook forward priority filter; iifname != "${bridge}" oifname "${bridge}" ct state new drop; }`,
    `  chain input { type filter hook input priority filter; ip daddr ${subnet.gateway} tcp dport ${LABD_PORT} iifname != { "${bridge}", "lo" } drop; }`,
    `}`,
  ];
  await runCommand(['nft', '-f', '-'], { input: `${rules.join('\n')}\n` });
  if (await forwardIsDroppedByDefault()) await acceptForwarding(paths, '-I');
}

/** Removes the lab's rules, and turns forwarding off again if a lab turned it on and none is left. */
export async function removeNat(paths: LabPaths): Promise<void> {
  // Without nft there never was a lab on this host.
  if (!onHost('nft')) return;
  const tables = await runCommand(['nft', 'list', 'tables']);
  if (tables.includes(`table ip ${paths.natTable}\n`))
    await runCommand(['nft', 'delete', 'table', 'ip', paths.natTable]);
  await acceptForwarding(paths, '-D');
  const others = tables
    .split('\n')
    .filter((line) => line.startsWith('table ip pgfleet_') && !line.endsWith(paths.natTable));
  if (others.length === 0 && existsSync(FORWARDING_WAS_OFF)) {
    writeFileSync(FORWARDING, '0');
    rmSync(FORWARDING_WAS_OFF);
    removeIfEmpty(dirname(FORWARDING_WAS_OFF));
  }
}

function enableForwarding(): void {
  if (readFileSync(FORWARDING, 'utf8').trim() === '1') return;
  mkdirSync(dirname(FORWARDING_WAS_OFF), { recursive: true });
  writeFileSync(FORWARDING_WAS_OFF, '');
  writeFileSync(FORWARDING, '1');
}

/** Docker, for example, drops forwarded packets by default, and our nft table cannot override that: Docker's own chain must accept them. */
async function forwardIsDroppedByDefault(): Promise<boolean> {
  return (await forwardRules()).includes('-P FORWARD DROP');
}

async function acceptForwarding(paths: LabPaths, action: '-I' | '-D'): Promise<void> {
  const rules = await forwardRules();
  for (const direction of ['-i', '-o']) {
    const rule = [direction, paths.bridge, '-m', 'comment', '--comment', paths.natTable, '-j', 'ACCEPT'];
    if (rules.includes(rule.join(' ')) === (action === '-D')) {
      await runCommand(['iptables', '-w', '5', action, 'FORWARD', ...rule]);
    }
  }
}

/** The FORWARD chain according to iptables; empty where iptables is not installed or does not run, because it cannot block anything then. */
async function forwardRules(): Promise<string> {
  try {
    return await runCommand(['iptables', '-w', '5', '-S', 'FORWARD']);
  } catch {
    return '';
  }
}
