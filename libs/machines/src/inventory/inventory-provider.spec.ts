import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timeLimited } from '../outside-call';
import { NoCapacity, NotOff, ProviderRefused, SpecConflict } from '../provider-errors';
import { InventoryProvider } from './inventory-provider';

const spec = { name: 'abc-1', role: 'node', sshKeys: ['ssh-ed25519 AAAA'], labels: { cluster: 'abc' } };

describe('InventoryProvider', () => {
  let dir: string;
  let server: Server;
  let provider: InventoryProvider;

  beforeAll((done) => {
    server = createServer((socket) => socket.end('SSH-2.0-test\r\n')).listen(0, '127.0.0.1', done);
  });
  afterAll(() => server.close());
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'inventory-'));
    write(['rack1', 'rack2', { name: 'small', roles: ['load_balancer'] }]);
    provider = open();
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const file = () => join(dir, 'inventory.yml');
  const open = () =>
    new InventoryProvider({
      file: file(),
      outside: timeLimited(1000),
      sshPort: (server.address() as AddressInfo).port,
      greetingTimeoutMs: 500,
    });
  const write = (machines: (string | object)[]) => {
    const entry = { address: '127.0.0.1', hostKey: 'ssh-ed25519 BBBB' };
    const entries = machines.map((machine) => ({
      ...entry,
      ...(typeof machine === 'string' ? { name: machine } : machine),
    }));
    writeFileSync(file(), JSON.stringify({ machines: entries }));
  };

  it('claims a free machine once, also for another instance', async () => {
    const machine = await provider.create(spec);
    expect(machine).toEqual({
      name: 'abc-1',
      role: 'node',
      address: '127.0.0.1',
      hostKey: 'ssh-ed25519 BBBB',
      labels: { cluster: 'abc' },
      state: 'running',
    });
    expect(await open().create(spec)).toEqual(machine);
    expect(await open().get('abc-1')).toEqual(machine);
    expect(await provider.capacity()).toEqual({ limit: 3, used: 1 });
    await expect(provider.create({ ...spec, role: 'other' })).rejects.toThrow(SpecConflict);
  });

  it.each([
    [{ address: '2001:db8::1' }, /machines\.0\.address must be an IPv4 address/],
    [{ address: 'rack1.example.com' }, /machines\.0\.address must be an IPv4 address/],
    [{ hostKey: 'ecdsa-sha2-nistp256 AAAA' }, /machines\.0\.hostKey must be the ed25519 host key/],
  ])('refuses %j, which the machines could not be configured with', async (entry, reason) => {
    write([{ name: 'rack1', ...entry }]);
    await expect(provider.capacity()).rejects.toThrow(reason);
  });

  it('gives two who ask at once for one name one machine', async () => {
    const machines = await Promise.all([1, 2, 3, 4, 5].map(() => open().create(spec)));
    expect(new Set(machines.map(({ name }) => name)).size).toBe(1);
    expect((await provider.capacity()).used).toBe(1);
  });

  it('gives two names two machines, and the third NoCapacity', async () => {
    await Promise.all(['a', 'b'].map((name) => open().create({ ...spec, name })));
    expect((await provider.capacity()).used).toBe(2);
    await expect(provider.create({ ...spec, name: 'c' })).rejects.toThrow(NoCapacity);
    expect((await provider.create({ ...spec, name: 'lb', role: 'load_balancer' })).role).toBe(
      'load_balancer',
    );
  });

  it('finds by label, and nothing for a name that has no claim', async () => {
    await provider.create(spec);
    await provider.create({ ...spec, name: 'def-1', labels: { cluster: 'def' } });
    expect((await provider.list({ cluster: 'def' })).map(({ name }) => name)).toEqual(['def-1']);
    expect(await provider.list()).toHaveLength(2);
    expect(await provider.get('nobody')).toBeNull();
  });

  it('does not give a returned machine to the next one before it was wiped', async () => {
    write(['rack1']);
    await provider.create(spec);
    await provider.destroy('abc-1');
    await provider.destroy('abc-1');
    expect(await provider.capacity()).toEqual({ limit: 0, used: 0 });
    await expect(provider.create({ ...spec, name: 'next' })).rejects.toThrow(NoCapacity);
    rmSync(join(`${file()}.claims`, 'rack1.released'));
    expect((await provider.create({ ...spec, name: 'next' })).name).toBe('next');
  });

  it('never claims to know the power, and says unknown of a machine that does not greet', async () => {
    await provider.create(spec);
    expect(await provider.power('abc-1')).toEqual({ state: 'unknown' });
    const deaf = new InventoryProvider({ file: file(), outside: timeLimited(1000), sshPort: 1 });
    expect((await deaf.get('abc-1'))?.state).toBe('unknown');
  });

  it('fences nothing, and says why; there is nothing to release', async () => {
    await provider.create(spec);
    expect(provider.provesPower).toBe(false);
    const fence = provider.fence('abc-1');
    await expect(fence).rejects.toThrow(NotOff);
    await expect(fence).rejects.toThrow('cannot prove that machine abc-1 is off');
    await provider.release('abc-1');
    await provider.release('nobody');
  });

  it.each([
    ['machines: [', 'cannot be read'],
    ['machines: [{name: a}]', 'machines.0.address'],
    ['machines: [{name: "../a", address: 10.0.0.1, hostKey: "ssh-ed25519 A"}]', 'machines.0.name'],
    ['machines: [{name: a, address: 10.0.0.1, hostKey: "x"}]', 'machines.0.hostKey'],
    [
      'machines: [{name: a, address: 10.0.0.1, hostKey: "ssh-ed25519 A"}, {name: a, address: 10.0.0.2, hostKey: "ssh-ed25519 A"}]',
      'two machines are called a',
    ],
  ])('names the fault of an inventory: %s', async (text, fault) => {
    writeFileSync(file(), text);
    const refusal = provider.create(spec);
    await expect(refusal).rejects.toThrow(ProviderRefused);
    await expect(refusal).rejects.toThrow(fault);
  });
});
