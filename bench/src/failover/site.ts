import type { LabClient } from '@pgfleet/lab';
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a shell command on a machine of the lab as root and returns its standard output. Secrets go in through `input`. */
export type OnMachine = (machine: string, command: string, input?: string) => Promise<string>;

export const onMachines =
  (ssh: readonly string[]): OnMachine =>
  async (machine, command, input = '') => {
    const running = execute(ssh[0] ?? 'ssh', [...ssh.slice(1), machine, command], { maxBuffer: 64 << 20 });
    running.child.stdin?.end(input);
    return (await running).stdout;
  };

export interface PatroniView {
  leader: string | undefined;
  members: { name: string; role: string; state: string; timeline?: number }[];
}

/** A cluster under measurement, as its customer and the lab see it. */
export interface Site {
  readonly name: string;
  readonly clusterId: string;
  readonly uri: string;
  readonly host: string;
  readonly nodes: readonly { name: string; address: string }[];
  /** Performs a planned change of the leader, in this site's way; resolves when it is done. */
  switchOver(): Promise<void>;
  /** Waits until every member serves and no operation is running. */
  whole(): Promise<void>;
}

/** Patroni's own report; undefined while no node answers. */
export async function patroniView({ nodes }: Pick<Site, 'nodes'>): Promise<PatroniView | undefined> {
  for (const { address } of nodes) {
    try {
      const response = await fetch(`http://${address}:8008/cluster`, { signal: AbortSignal.timeout(1000) });
      const { members } = (await response.json()) as Pick<PatroniView, 'members'>;
      return { leader: members.find(({ role }) => role === 'leader')?.name, members };
    } catch {
      continue; // that node is the one that was harmed
    }
  }
  return undefined;
}

export async function leaderOf(site: Site): Promise<string> {
  const leader = (await patroniView(site))?.leader;
  if (!leader) throw new Error(`nobody leads ${site.name}`);
  return leader;
}

/** Waits until one member leads and all others stream from it on its timeline. */
export async function untilStreaming(site: Pick<Site, 'nodes' | 'name'>, withinMs = 240_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const view = await patroniView(site);
    const leader = view?.members.find(({ role }) => role === 'leader');
    const whole =
      view?.members.length === site.nodes.length &&
      leader?.state === 'running' &&
      view.members.every(
        ({ role, state, timeline }) =>
          role === 'leader' || (state === 'streaming' && timeline === leader.timeline),
      );
    if (whole) return;
    if (Date.now() > deadline)
      throw new Error(`${site.name} is not whole after ${withinMs / 1000} s: ${JSON.stringify(view)}`);
    await pause(250);
  }
}

/** Starts machines that are off, heals networks and thaws. Waits for a fenced machine: its failover is still running. */
export async function repair(lab: LabClient, names: readonly string[]): Promise<void> {
  for (const name of names) {
    for (let tries = 0; (await lab.get(name)).fenced && tries < 120; tries++) await pause(500);
    const { state, network } = await lab.get(name);
    if (state === 'frozen') await lab.setFrozen(name, false);
    if (network === 'cut') await lab.setNetwork(name, 'up');
    if (state === 'off') await lab.setPower(name, 'on');
  }
}
