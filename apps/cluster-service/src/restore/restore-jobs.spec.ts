import { newId } from '@pgfleet/contracts';
import { tellProgress } from '@pgfleet/pgbackrest';
import type { ClusterParts } from '../clusters/cluster-view';
import type { ClusterEntity, MachineEntity } from '../persistence/cluster.entity';
import {
  customersOutJob,
  discardJob,
  preflightJob,
  readyJob,
  recoverJob,
  restoreJob,
  resumeJob,
  stopJob,
  type ChosenBackup,
  type RestoreSite,
} from './restore-jobs';

const hostKey = 'ssh-ed25519 AAAA';
const machine = (name: string, kind: MachineEntity['kind'] = 'node') =>
  ({ name, kind, address: `${name}.test`, hostKey, clusterId: 'clu_1' }) as MachineEntity;
const operationId = newId('op');
const site: RestoreSite = {
  parts: {
    cluster: { id: 'clu_1', postgresVersion: 17 } as ClusterEntity,
    machines: [machine('n1'), machine('n2'), machine('n3'), machine('lb', 'load_balancer')],
  } as ClusterParts,
  node: 'n2',
  operationId,
};
const chosen: ChosenBackup = {
  stanza: 'lin_1',
  label: '20261123-120000F',
  timeline: 1,
  target: { type: 'latest' },
};
const program = ['/usr/bin/python3', '-s', '/usr/local/lib/pgfleet/restore'];
const data = '/var/lib/postgresql/17/main';

describe('the jobs of a restore', () => {
  it('run the node’s program as postgres, on the node', () => {
    expect(restoreJob(site, chosen)).toMatchObject({
      kind: 'command',
      host: { name: 'n2' },
      runAs: 'postgres',
      argv: [
        ...[...program, 'restore', data, operationId],
        ...tellProgress,
        ...['pgbackrest', '--config=/etc/pgfleet/restore.conf', '--stanza=lin_1'],
        '--recovery-option=restore_command=pgbackrest --config=/etc/pgfleet/restore.conf --stanza=lin_1 --no-archive-async archive-get %f "%p"',
        ...['--log-level-console=detail', '--log-level-stderr=error', '--type=default'],
        ...['--target-timeline=1', '--set=20261123-120000F', 'restore'],
      ],
      capture: false,
    });
    expect(recoverJob(site, 'beside', 'lin_2')).toMatchObject({
      argv: [...program, 'recover', data, operationId, '/etc/patroni/restored.sql', 'beside', 'lin_2'],
      capture: true,
    });
    expect(discardJob(site)).toMatchObject({ argv: [...program, 'discard', data, operationId] });
    expect(() => recoverJob({ ...site, node: 'n9' }, 'beside')).toThrow('no machine n9');
  });

  it('look at every node for what a restore takes', () => {
    expect(readyJob(site, 'lin_1', 'r2')).toMatchObject({
      alsoOn: [{ name: 'n1' }, { name: 'n3' }],
      runAs: 'root',
      argv: [
        '/bin/sh',
        '-c',
        expect.stringContaining('/etc/pgfleet/restore.conf') as string,
        'ready',
        'r2',
        'lin_1',
      ],
    });
  });

  it('stop every node, the leader’s with the lock, and touch the data of the one', () => {
    const standstill = '/usr/local/lib/pgfleet/standstill';
    expect(preflightJob(site, 'n3', 'set-aside')).toMatchObject({
      alsoOn: [{ name: 'n1' }, { name: 'n3' }],
      argv: [standstill, 'check', 'n3', 'n2', data, operationId, 'set-aside'],
    });
    expect(customersOutJob(site, 'n3', 'set-aside')).toMatchObject({
      host: { name: 'n2' },
      alsoOn: [{ name: 'n1' }, { name: 'n3' }],
      runAs: 'root',
      argv: [standstill, 'out', 'n3', 'n2', data, operationId, 'set-aside'],
    });
    expect(customersOutJob(site, null, 'put-back')).toMatchObject({
      argv: [standstill, 'out', 'n2', 'n2', data, operationId, 'put-back'],
    });
    expect(stopJob(site, [], 'put-back', 'discard')).toMatchObject({
      alsoOn: [{ name: 'n1' }, { name: 'n3' }],
      argv: [standstill, 'stop', 'n2', data, operationId, 'put-back', 'discard'],
    });
  });

  it('go without machines that are left out, also the restored one', () => {
    expect(resumeJob(site, ['n2', 'n3'])).toMatchObject({ host: { name: 'n1' }, alsoOn: [] });
    expect(() => resumeJob(site, ['n1', 'n2', 'n3'])).toThrow('no node of clu_1 is left');
  });
});
