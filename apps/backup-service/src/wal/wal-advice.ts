import type { WalAdvice } from '@pgfleet/contracts';

export interface WalLoad {
  bytesPerSecond: number | null;
  segmentBytes: number;
  archiveTimeoutSeconds: number;
  maxWalBytes: number;
  /** The size of the disk with the leader's WAL; null: unknown. */
  diskBytes: number | null;
}

const MB = 2 ** 20;
const largestSegment = 64 * MB;
/** Pushing a 16 MB segment takes a fifth of a second of CPU: more segments a second than this take half a CPU (docs/benchmarks.md). */
const busySegments = 2;
/** The last archived commit must not be older than a minute: ten seconds until the next commit, and some for the push. */
const timeoutBound = 45;
const shortTimeout = 10;
/** PostgreSQL recommends checkpoints by time, not for lack of space: five minutes of WAL, and as much again. */
const checkpointSeconds = 300;

const megabytes = (bytes: number): string => `${Math.round(bytes / MB)}MB`;

/** Which settings to change, each with the numbers that justify it. Gives no advice on unknown values. */
export const walAdvice = (load: WalLoad): WalAdvice[] =>
  [adviseSegment(load), adviseTimeout(load), adviseMaxWal(load)].filter((advice) => advice !== null);

const adviseSegment = ({ bytesPerSecond, segmentBytes }: WalLoad): WalAdvice | null => {
  const segments = (bytesPerSecond ?? 0) / segmentBytes;
  if (segments <= busySegments || segmentBytes >= largestSegment) return null;
  return {
    setting: 'wal_segment_size',
    now: megabytes(segmentBytes),
    advised: megabytes(largestSegment),
    reason: `${segments.toFixed(1)} segments are filled a second, and each costs the processor a push: with ${megabytes(largestSegment)} there are ${largestSegment / segmentBytes} times fewer. Archiving the same WAL takes about half as much then as with 16MB, and replaying it three quarters of the time. It can be chosen when a cluster is made only.`,
  };
};

const adviseTimeout = ({
  archiveTimeoutSeconds,
  bytesPerSecond,
  segmentBytes,
}: WalLoad): WalAdvice | null => {
  const now = `${archiveTimeoutSeconds}s`;
  if (archiveTimeoutSeconds === 0 || archiveTimeoutSeconds > timeoutBound)
    return {
      setting: 'archive_timeout',
      now,
      advised: '40s',
      reason: `A cluster that is hardly used ships a segment ${archiveTimeoutSeconds === 0 ? 'only when it is full' : `every ${archiveTimeoutSeconds} seconds`}: what was committed last may be missing from the archive for longer than a minute.`,
    };
  const fillSeconds = bytesPerSecond ? segmentBytes / bytesPerSecond : Infinity;
  if (archiveTimeoutSeconds >= shortTimeout || fillSeconds <= archiveTimeoutSeconds) return null;
  return {
    setting: 'archive_timeout',
    now,
    advised: '40s',
    reason: `Every ${archiveTimeoutSeconds} seconds a segment of ${megabytes(segmentBytes)} is shipped to every replica and archived, mostly empty.`,
  };
};

const adviseMaxWal = ({
  bytesPerSecond,
  maxWalBytes,
  segmentBytes,
  diskBytes,
}: WalLoad): WalAdvice | null => {
  const wanted = 2 * checkpointSeconds * (bytesPerSecond ?? 0);
  if (wanted <= maxWalBytes) return null;
  const room = diskBytes === null ? Infinity : diskBytes / 4;
  const step = Math.max(segmentBytes, 256 * MB);
  const advised = Math.min(Math.ceil(wanted / step) * step, Math.floor(room / step) * step);
  if (advised <= maxWalBytes) return null;
  return {
    setting: 'max_wal_size',
    now: megabytes(maxWalBytes),
    advised: megabytes(advised),
    reason:
      `${((bytesPerSecond ?? 0) / MB).toFixed(1)} MB a second reach it before the five minutes of a checkpoint are over, so that pages are written to the WAL as a whole more often.` +
      (advised < wanted ? ' It is as much as a quarter of the disk allows.' : ''),
  };
};
