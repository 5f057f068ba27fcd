import { pathsToForget } from './forget-history';

describe('pathsToForget', () => {
  it('keeps settings, the system, the lock and what is the platform’s own; forgets what was said of the data', () => {
    expect(
      pathsToForget([
        'config',
        'initialize',
        'pgfleet/nodes/n1',
        'pgfleet/switchover',
        'failover',
        'failsafe',
        'history',
        'leader',
        'members/n1',
        'members/n2',
        'status',
        'sync',
        'optime/leader',
      ]),
    ).toEqual([
      'failover',
      'failsafe',
      'history',
      'members/n1',
      'members/n2',
      'status',
      'sync',
      'optime/leader',
    ]);
  });
});
