import { setTimeout as pause } from 'node:timers/promises';
import type { RecoveryWindow } from '@pgfleet/contracts';
import type { TestPlatform } from './platform';

const everyMs = 1_000;

export interface WindowAge {
  at: string;
  latest: string | null;
  /** At the least: by the moment at which it was asked, for what was archived until the answer may not be in it. */
  ageMs: number;
  /** How much later than it was due the look was: nobody else ran meanwhile either. */
  lateMs: number;
}

/** Looks every second how old the end of a recovery window is. */
export async function windowAges(
  { api }: TestPlatform,
  clusterId: string,
  forMs: number,
): Promise<WindowAge[]> {
  const ages: WindowAge[] = [];
  for (const until = Date.now() + forMs; Date.now() < until;) {
    const due = Date.now() + everyMs;
    await pause(everyMs);
    const asked = Date.now();
    const { latest } = await api.call<RecoveryWindow>('GET', `/clusters/${clusterId}/recovery-window`);
    ages.push({
      at: new Date(asked).toISOString(),
      latest: latest?.time ?? null,
      ageMs: latest ? asked - Date.parse(latest.time) : Infinity,
      lateMs: asked - due,
    });
  }
  return ages;
}
