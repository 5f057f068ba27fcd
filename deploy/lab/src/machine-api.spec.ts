import { machineName, machineSpec } from './machine-api';

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
});
