import { ClusterState } from '@pgfleet/contracts';
import { restoreFault, undoFault } from './restore-faults';

const setAside = { operationId: 'op_1', node: 'n1', stanza: 'lin_1' };
const states = ClusterState.options;

describe('what can be done with a cluster', () => {
  it('restores one that serves, and has nothing set aside', () => {
    const can = states.filter((state) => restoreFault({ state, setAside: null }) === null);
    expect(can).toEqual(['ready', 'degraded']);
    expect(states.filter((state) => restoreFault({ state, setAside }) === null)).toEqual([]);
    expect(restoreFault({ state: 'ready', setAside })?.remedy).toContain('undo');
  });

  it('undoes what has something set aside, also after a restore that stopped half-way', () => {
    expect(states.filter((state) => undoFault({ state, setAside }) === null)).toEqual([
      'ready',
      'degraded',
      'failed',
    ]);
    expect(states.filter((state) => undoFault({ state, setAside: null }) === null)).toEqual([]);
  });
});
