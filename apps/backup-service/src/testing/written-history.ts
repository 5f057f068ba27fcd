import type { RestoreTarget } from '@pgfleet/contracts';
import { bytesOf } from '../wal/wal-position';
import type { WalRecord } from './wal-records';

/** What a client knows about its own transaction. */
export interface Written {
  timeline: number;
  xid: number;
  rows: number[];
  committed: boolean;
}

/** How many of these records are replayed: follows PostgreSQL's manual on recovery targets, and none of our code. */
const replayed = (records: readonly WalRecord[], target: RestoreTarget, backupStop: number): number => {
  const before = (stops: (record: WalRecord) => boolean): number => records.findIndex(stops);
  const after = (stops: (record: WalRecord) => boolean): number => {
    const index = records.findIndex(stops);
    return index < 0 ? index : index + 1;
  };
  const stop = 'inclusive' in target && target.inclusive === false ? before : after;
  const isEnd = ({ kind }: WalRecord): boolean => kind === 'commit' || kind === 'rollback';
  switch (target.type) {
    case 'latest':
      return records.length;
    case 'time': {
      const time = microseconds(target.time);
      const isLater = (record: WalRecord): boolean =>
        isEnd(record) && (target.inclusive === false ? record.time! >= time : record.time! > time);
      // The data at the time of the last commit is a valid target too, though PostgreSQL's recovery would not end there.
      return records.some(isLater) ? before(isLater) : records.length;
    }
    case 'lsn':
      return stop(({ position }) => position >= bytesOf(target.lsn));
    case 'xid':
      return stop((record) => isEnd(record) && record.xid === Number(target.xid));
    case 'name':
      return after(({ name }) => name === target.name);
    case 'backup':
      return before(({ position }) => position >= backupStop);
  }
};

const microseconds = (time: string): number => {
  const [, second, fraction = ''] = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return Date.parse(`${second}Z`) * 1000 + Number(fraction.padEnd(6, '0'));
};

/** Everything written on the way to a timeline, from the clients' knowledge and the WAL: which rows exist when? */
export class WrittenHistory {
  /**
   * @param earlier rows from before the first of the records
   * @param records all that were archived, in their order
   */
  constructor(
    private readonly earlier: ReadonlySet<number>,
    readonly records: readonly WalRecord[],
    private readonly written: readonly Written[],
  ) {
    for (const { timeline, xid, committed } of written) {
      const ends = records.filter((record) => record.timeline === timeline && record.xid === xid);
      const kinds = ends.map(({ kind }) => kind).filter((kind) => kind === 'commit' || kind === 'rollback');
      const isLeft = ends.length === 0;
      if (!isLeft && kinds.join() !== (committed ? 'commit' : 'rollback'))
        throw new Error(`transaction ${xid} of timeline ${timeline}: ${kinds.join() || 'no end'} in the WAL`);
    }
  }

  get commits(): WalRecord[] {
    return this.records.filter(({ kind }) => kind === 'commit');
  }

  /** The clients' transactions, in the order in which they ended. */
  get ended(): (WalRecord & Written)[] {
    return this.records.flatMap((record) => {
      if (record.kind !== 'commit' && record.kind !== 'rollback') return [];
      const found = this.written.find(
        ({ timeline, xid }) => timeline === record.timeline && xid === record.xid,
      );
      return found ? [{ ...record, ...found }] : [];
    });
  }

  /** Null: recovery would never end there. */
  rowsAt(target: RestoreTarget, backupStop: number): number[] | null {
    const count = replayed(this.records, target, backupStop);
    if (count < 0) return null;
    const committed = new Set(
      this.records
        .slice(0, count)
        .filter(({ kind }) => kind === 'commit')
        .map(({ timeline, xid }) => `${timeline}/${xid}`),
    );
    const rows = this.written
      .filter(({ timeline, xid }) => committed.has(`${timeline}/${xid}`))
      .flatMap((transaction) => transaction.rows);
    return [...this.earlier, ...rows].sort((a, b) => a - b);
  }
}
