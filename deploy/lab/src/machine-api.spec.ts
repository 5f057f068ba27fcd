import { fenceSwitch, machineName, machineSpec, machineView } from './machine-api';

describe('the machine API', () => {
  it.each(['a', 'etcd1', '0192f3c4a5b6-1', '0192f3c4a5b6-lb', 'x'.repeat(24)])(
    'takes the name %s',
    (name) => {
      expect(machineName.safeParse(name).success).toBe(true);
    },
  );

  it.each(['', 'A', '-a', 'a-', 'a b', '../etc', 'a\nb', 'ä', 'a;b', 'x'.repeat(25)])(
    'refuses the name %j',
    (name) => {
      expect(machineName.safeParse(name).success).toBe(false);
    },
  );

  it.each([
    [{}],
    [{ role: 'etcd', sshKeys: ['no key'] }],
    [{ role: 'etcd', sshKeys: ['ssh-ed25519 AAAA\nssh-ed25519 BBBB'] }],
    [{ role: 'etcd', sshKeys: [], image: 'other' }],
    [{ role: 'etcd', sshKeys: [], unknown: 1 }],
    [{ role: 'x'.repeat(40), sshKeys: [] }],
  ])('refuses the specification %j', (spec) => expect(machineSpec.safeParse(spec).success).toBe(false));

  it('fills in what has a default', () => {
    const spec = { role: 'etcd', sshKeys: ['ssh-ed25519 AAAAC3Nz someone@somewhere'] };
    expect(machineSpec.parse(spec)).toEqual({ ...spec, image: 'node', labels: {} });
  });

  it.each([[{}], [{ fenced: 'true' }], [{ fenced: true, force: true }]])('refuses the fence %j', (body) =>
    expect(fenceSwitch.safeParse(body).success).toBe(false),
  );

  it('takes a machine of a labd that knows no fences as not fenced', () => {
    const view = {
      name: 'etcd1',
      role: 'etcd',
      address: '10.77.0.10',
      state: 'off',
      network: 'up',
      hostKey: 'ssh-ed25519 AAAA',
      labels: {},
      createdAt: '2025-01-01T00:00:00.000Z',
    };
    expect(machineView.parse(view)).toEqual({ ...view, fenced: false, bootFailure: null });
  });
});
