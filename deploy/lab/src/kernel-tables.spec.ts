import { cgroup2Mount, groupFolders } from './cgroup';
import { cpuMount } from './cpu-share';
import { mountsUnder } from './mounts';

describe('cgroup2Mount', () => {
  it('finds the hierarchy of a current host, and the one beside v1 controllers', () => {
    expect(cgroup2Mount('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n')).toBe('/sys/fs/cgroup');
    const hybrid = 'tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n';
    expect(cgroup2Mount(`${hybrid}cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n`)).toBe(
      '/sys/fs/cgroup/unified',
    );
    expect(() => cgroup2Mount(hybrid)).toThrow('mount -t cgroup2');
  });
});

describe('groupFolders', () => {
  it('are one in each hierarchy that is mounted, of v1 and of v2, and none elsewhere', () => {
    const table = [
      'tmpfs /sys/fs/cgroup tmpfs rw 0 0',
      'cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0',
      'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0',
    ].join('\n');
    expect(groupFolders('lab/machines/m1', table)).toEqual([
      '/sys/fs/cgroup/systemd/lab/machines/m1',
      '/sys/fs/cgroup/unified/lab/machines/m1',
    ]);
  });
});

describe('cpuMount', () => {
  it('finds the cpu controller of v1, alone or with another, and none on a current host', () => {
    expect(cpuMount('cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n')).toBe('/sys/fs/cgroup/cpu');
    const both = '/sys/fs/cgroup/cpu,cpuacct';
    expect(cpuMount(`cgroup /c cgroup rw,cpuset 0 0\ncgroup ${both} cgroup rw,cpu,cpuacct 0 0\n`)).toBe(both);
    expect(cpuMount('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n')).toBeUndefined();
  });
});

describe('mountsUnder', () => {
  it('gives the deepest first, and nothing that only begins alike', () => {
    const mounts = ['/lab/m1', '/lab/m1/root', '/lab/m10', '/lab/m1/a\\040b', '/other'];
    const table = mounts.map((point) => `none ${point} tmpfs rw 0 0`).join('\n');
    expect(mountsUnder('/lab/m1', table)).toEqual(['/lab/m1/a b', '/lab/m1/root', '/lab/m1']);
  });
});
