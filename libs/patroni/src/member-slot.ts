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

/** How Patroni names the replication slot of a machine of ours (slot_name_from_member_name). */
export const slotOf = (member: string): string => member.replaceAll('-', '_');

/**
 * Has Patroni drop the slots of a member that is gone for good. It keeps them for `member_slots_ttl` (half an hour), and with them all WAL
 * since: that time is set to nothing until the leader does not name the slot any more, then back. Slots of members that are there stay.
 * False when the slot is still named after that time.
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
    // The platform sets no other: Patroni's own counts again. Also when an earlier attempt died before it could do this.
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
