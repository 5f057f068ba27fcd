import type { Backup } from '@pgfleet/contracts';

/** The backups that cannot be restored without a given backup, directly or through another one: oldest first. */
export const dependentsOf = (
  label: string,
  backups: readonly Pick<Backup, 'label' | 'dependsOn'>[],
): string[] => {
  const found = new Set([label]);
  // A backup depends only on older ones, and labels sort by time. One pass therefore sees everything a backup depends on before the backup.
  const oldestFirst = [...backups].sort((a, b) => (isBefore(a.label, b.label) ? -1 : 1));
  for (const { label: candidate, dependsOn } of oldestFirst)
    if (dependsOn.some((needed) => found.has(needed))) found.add(candidate);
  found.delete(label);
  return [...found];
};

/** Whether the backup with one label started before the other. */
export const isBefore = (label: string, other: string): boolean => lastTime(label) < lastTime(other);

/** `20261123-194232F_20261123-194235D` started at the second time. */
const lastTime = (label: string): string => label.split('_').at(-1)!;
