import type { Backup, DrillResult, ProvenRestores } from '@pgfleet/contracts';

/** Combines the measured times with an estimate for the cluster as it is now: files copy at the same speed, WAL replay takes as long. */
export const drillResult = (
  restores: ProvenRestores,
  { databaseBytes: bytes }: Pick<Backup, 'databaseBytes'>,
  databaseBytes: number,
): DrillResult => {
  const { restoreMs, recoverMs } = restores.newest;
  const bytesPerSecond = Math.round((bytes * 1000) / Math.max(1, restoreMs));
  const seconds = (databaseBytes / Math.max(1, bytesPerSecond) + recoverMs / 1000).toFixed(1);
  return { ...restores, bytes, bytesPerSecond, estimate: { databaseBytes, seconds: Number(seconds) } };
};
