import { setTimeout as pause } from 'node:timers/promises';
import type { Etcd3 } from 'etcd3';
import { z } from 'zod';
import { changeConfiguration } from './dynamic-configuration';
import { namespace } from './keys';

const lookEveryMs = 500;

const Status = z
  .object({
    slots: z.record(z.string(), z.unknown()).nullish(),
    retain_slots: z.array(z.string()).nullish(),
  })
  .loose();

/** The name that Patroni gives the replication slot of a machine (slot_name_from_member_name). */
export const slotOf = (member: string): string => member.replaceAll('-', '_');

/**
 * Makes Patroni drop the slots of a member that is gone for good. Patroni keeps them, and all WAL since, for `member_slots_ttl`
 * (half an hour). This function sets that time to zero until the leader no longer lists the slot, then back. Slots of present
 * members stay. Returns false if the slot is still listed after the given time.
 * @see https://patroni.readthedocs.io/en/latest/dynamic_configuration.html (member_slots_ttl)
 */
export async function dropMemberSlot(
  etcd: Etcd3,
  scope: string,
  member: string,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<boolean> {
  const slot = slotOf(member);
  const isNamed = async () => {
    const text = await etcd.get(`${namespace}${scope}/status`).string();
    const status = Status.safeParse(parse(text ?? '{}')).data;
    return (status?.retain_slots ?? []).includes(slot) || slot in (status?.slots ?? {});
  };
  const deadline = Date.now() + withinMs;
  try {
    while (await isNamed()) {
      if (Date.now() > deadline) return false;
      await changeConfiguration(etcd, scope, { member_slots_ttl: 0 });
      await pause(lookEveryMs, undefined, { signal });
    }
    return true;
  } finally {
    // The platform never sets this value, so Patroni's default applies again, even if an earlier attempt died before this line.
    await changeConfiguration(etcd, scope, { member_slots_ttl: null });
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
