import { bytesOf } from '../wal/wal-position';

/** A WAL record, as far as it decides where recovery ends. */
export interface WalRecord {
  timeline: number;
  position: number;
  kind: 'commit' | 'rollback' | 'restore point' | 'end of a backup' | 'another';
  xid: number;
  /** When a transaction ended, in microseconds. */
  time: number | null;
  /** The name of a restore point. */
  name: string | null;
}

const line = /rmgr: (\S+) .* tx: +(\d+), lsn: ([0-9A-F]+\/[0-9A-F]+), prev \S+ desc: (.*)$/;
const ended = /^(COMMIT|ABORT) (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d{6}) UTC/;

const kindOf = (manager: string, text: string): WalRecord['kind'] => {
  if (manager === 'Transaction' && text.startsWith('COMMIT')) return 'commit';
  if (manager === 'Transaction' && text.startsWith('ABORT')) return 'rollback';
  if (manager === 'XLOG' && text.startsWith('RESTORE_POINT')) return 'restore point';
  if (manager === 'XLOG' && text.startsWith('BACKUP_END')) return 'end of a backup';
  return 'another';
};

/** Parses the output of pg_waldump, in UTC. */
export const walRecords = (timeline: number, printed: string): WalRecord[] =>
  printed.split('\n').flatMap((text) => {
    const [, manager = '', xid, lsn = '', said = ''] = line.exec(text) ?? [];
    if (!lsn) return [];
    const [, , day, clock, fraction] = ended.exec(said) ?? [];
    const kind = kindOf(manager, said);
    return [
      {
        ...{ timeline, kind, position: bytesOf(lsn), xid: Number(xid) },
        time: day ? Date.parse(`${day}T${clock}Z`) * 1000 + Number(fraction) : null,
        name: kind === 'restore point' ? said.slice('RESTORE_POINT '.length) : null,
      },
    ];
  });
