import { PlaybookJob } from '@pgfleet/contracts';
import { controlPath, knownHosts } from '../ssh/ssh-files';
import { hostsOf, inventory } from './inventory';

const machine = (name: string, address: string) => ({ name, address, hostKey: `ssh-ed25519 AAAA${name}` });
const groups = PlaybookJob.shape.groups.parse({
  nodes: [
    { ...machine('n1', '10.77.0.21'), vars: { member_name: 'n1', ansible_host: '192.0.2.1' } },
    machine('n2', '10.77.0.22'),
  ],
  load_balancer: [{ ...machine('lb', '10.77.0.23'), user: 'admin' }],
  all_again: [machine('n2', '10.77.0.22')],
});

describe('inventory', () => {
  it('puts hosts into their groups, with their variables, and says itself how they are reached', () => {
    expect(inventory(groups, '/run/c')).toMatchObject({
      all: {
        children: {
          nodes: {
            hosts: {
              n1: { member_name: 'n1', ansible_host: '10.77.0.21', ansible_user: 'root' },
              n2: { ansible_host: '10.77.0.22' },
            },
          },
          load_balancer: { hosts: { lb: { ansible_host: '10.77.0.23', ansible_user: 'admin' } } },
        },
      },
    });
  });

  it('knows each host once, by its key', () => {
    expect(hostsOf(groups).map(({ name }) => name)).toEqual(['n1', 'n2', 'lb']);
    expect(knownHosts(hostsOf(groups))).toBe(
      '10.77.0.21 ssh-ed25519 AAAAn1\n10.77.0.22 ssh-ed25519 AAAAn2\n10.77.0.23 ssh-ed25519 AAAAlb\n',
    );
  });
});

describe('controlPath', () => {
  const [host] = hostsOf(groups);
  it('is the same for every job, and another for a new machine at the same address', () => {
    expect(controlPath('/run/c', { ...host! })).toBe(controlPath('/run/c', host!));
    expect(controlPath('/run/c', { ...host!, hostKey: 'ssh-ed25519 AAAAnew' })).not.toBe(
      controlPath('/run/c', host!),
    );
  });

  it("leaves room for ssh's own suffix within a socket's 108 bytes, in the longest folder that is allowed", () => {
    expect(controlPath('/'.padEnd(60, 'x') + '/ssh', host!).length + 18).toBeLessThan(108);
  });
});
