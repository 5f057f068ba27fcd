import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecord, writeRecord } from './machine-record';

/** A record written before fences existed. */
const early = {
  name: 'etcd1',
  role: 'etcd',
  image: 'a6b6f5211b8401f7',
  sshKeys: [],
  labels: {},
  host: 10,
  hostKey: 'ssh-ed25519 AAAA',
  createdAt: '2025-01-01T00:00:00.000Z',
  network: 'up' as const,
  powerSince: '2025-01-01T00:00:00.000Z',
  power: 'off' as const,
  hostBoot: '',
};

describe('the record of a machine', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'record-'))));
  afterEach(() => rmSync(dir, { recursive: true }));
  const file = () => join(dir, 'machine.json');

  it('that says nothing of a fence is of a machine that is not fenced', () => {
    writeFileSync(file(), JSON.stringify(early));
    expect(readRecord(file())).toEqual({ ...early, fenced: false });
  });

  it.each([false, true])('keeps a fence, and leaves no other file (durable: %s)', (durable) => {
    writeRecord(file(), { ...early, fenced: false });
    writeRecord(file(), { ...early, fenced: true }, durable);
    expect(readRecord(file())).toEqual({ ...early, fenced: true });
    expect(readdirSync(dir)).toEqual(['machine.json']);
  });
});
