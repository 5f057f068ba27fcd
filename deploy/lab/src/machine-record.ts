import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

/** What is stored about a machine on disk. Anything that can be observed (is it powered, is the cable plugged in) is not stored. */
export const machineRecord = z.object({
  name: z.string(),
  role: z.string(),
  /** Key of the image that it boots from; stays the same for the machine's life. */
  image: z.string(),
  sshKeys: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  /** Host number in the lab's subnet. */
  host: z.number().int(),
  hostKey: z.string(),
  createdAt: z.iso.datetime(),
  network: z.enum(['up', 'cut']),
  /** When the power was last switched, or found to be gone. */
  powerSince: z.iso.datetime(),
  power: z.enum(['on', 'off']),
  /** The host's boot in which the machine was switched on: a machine recorded as on in an earlier boot must be started again. */
  hostBoot: z.string(),
  /** Whether the machine must stay off until it is released. A record older than fences does not say. */
  fenced: z.boolean().default(false),
});

export type MachineRecord = z.infer<typeof machineRecord>;

export function readRecord(file: string): MachineRecord {
  return machineRecord.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Writes completely or not at all. With `durable`, the record is on the disk when this returns, whatever happens to the host then. */
export function writeRecord(file: string, record: MachineRecord, durable = false): void {
  writeFileSync(`${file}.tmp`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flush: durable });
  renameSync(`${file}.tmp`, file);
  if (durable) syncDir(dirname(file));
}

/** A file's new name is on the disk once its folder is. */
function syncDir(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Identifies this boot of the host. */
export function currentBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
