import type { Backup } from '@pgfleet/contracts';

/** The backups that cannot be restored without a backup, directly or through another: oldest first. */
export const dependentsOf = (
  label: string,
  backups: readonly Pick<Backup, 'label' | 'dependsOn'>[],
): string[] => {
  const found = new Set([label]);
  // A backup needs older ones only, and labels sort by time: one walk sees whatever a backup needs before the backup itself.
  const oldestFirst = [...backups].sort((a, b) => (isBefore(a.label, b.label) ? -1 : 1));
  for (const { label: candidate, dependsOn } of oldestFirst)
    if (dependsOn.some((needed) => found.has(needed))) found.add(candidate);
  found.delete(label);
  return [...found];
};

/** Whether the backup of one label was begun before that of another. */
export const isBefore = (label: string, other: string): boolean => lastTime(label) < lastTime(other);

/** `20261123-194232F_20261123-194235D` was begun at the second time. */
const lastTime = (label: string): string => label.split('_').at(-1)!;
