import { changedSettings, failoverSettings } from './failover-settings';

const settings = { profile: 'standard', durability: 'quorum', fencing: true } as const;

describe('failover settings', () => {
  it('are shown with the bounds that they give', () => {
    expect(failoverSettings(settings, false)).toEqual({
      ...settings,
      fencingPossible: false,
      failsafe: true,
      leaderLossSeconds: 34,
      etcdLossSeconds: 10,
    });
  });

  it('change only where something else is asked for', () => {
    expect(changedSettings(settings, { durability: 'sync' })).toEqual({ ...settings, durability: 'sync' });
    expect(changedSettings(settings, { fencing: false, profile: 'standard' })).toEqual({
      ...settings,
      fencing: false,
    });
    expect(changedSettings(settings, { fencing: true, profile: 'standard' })).toBeNull();
  });
});
