import { newId } from '@pgfleet/contracts';
import { planMachines } from './machine-plan';

describe('planMachines', () => {
  it('plans the nodes and a load balancer, the same each time', () => {
    const id = 'clu_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55';
    expect(planMachines(id, 2)).toEqual([
      { name: '3b9f6c1e0a55-1', kind: 'node' },
      { name: '3b9f6c1e0a55-2', kind: 'node' },
      { name: '3b9f6c1e0a55-lb', kind: 'load_balancer' },
    ]);
  });

  it('names machines of clusters made in the same millisecond apart', () => {
    const names = Array.from({ length: 200 }, () => planMachines(newId('clu'), 1)[0]?.name);
    expect(new Set(names).size).toBe(200);
  });
});
