import { setTimeout as pause } from 'node:timers/promises';
import type { RecoveryWindow } from '@pgfleet/contracts';
import type { TestPlatform } from './platform';

const everyMs = 1_000;

export interface WindowAge {
  at: string;
  latest: string | null;
  /**
   * A lower bound: it counts from the moment of the request, because the window may not include what was archived before the
   * answer.
   */
  ageMs: number;
  /** How late the look was: other processes did not run during that time either. */
  lateMs: number;
}

/** Checks every second how old the end of a recovery window is. */
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
