import { Failover } from './failover.program';

describe('a failover that fails', () => {
  it('leaves the release of the machine to an operation of its own: the provider may not answer for a long time', async () => {
    const started: unknown[] = [];
    const machines = { release: () => new Promise(() => undefined) };
    const operations = {
      start: (_: unknown, operation: unknown) => Promise.resolve(started.push(operation)),
    };
    const intents = { withdraw: () => Promise.resolve() };
    const failover = new Failover(
      null as never,
      null as never,
      null as never,
      machines as never,
      intents as never,
      operations as never,
    );
    const context = {
      clusterId: 'clu_1',
      operationId: 'op_1',
      input: { leader: 'n1', candidate: null, automatic: true },
    };
    await failover.onFailed(context as never, null as never, null as never);
    await failover.onCancelled(context as never, null as never);
    const operation = {
      kind: 'cluster.failover.release_machine',
      clusterId: null,
      input: { machine: 'n1', clusterId: 'clu_1' },
    };
    expect(started).toEqual([operation, operation]);
  });
});
