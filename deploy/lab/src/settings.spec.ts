import { labSettings, settingsEnvironment } from './settings';

describe('labSettings', () => {
  it('has defaults', () => {
    const settings = labSettings({});
    expect(settingsEnvironment(settings)).toEqual({
      PGFLEET_LAB: 'pgfleet',
      PGFLEET_SUBNET: '10.77.0.0/24',
      PGFLEET_STATE: '/var/lib/pgfleet/pgfleet',
      PGFLEET_CACHE: '/var/cache/pgfleet',
    });
  });

  it('survives the way through the environment', () => {
    const settings = labSettings({ PGFLEET_LAB: 'two', PGFLEET_SUBNET: '10.78.0.0/24' });
    expect(labSettings(settingsEnvironment(settings))).toEqual(settings);
  });

  it.each([
    [{ PGFLEET_LAB: 'much-too-long-name' }, 'PGFLEET_LAB'],
    [{ PGFLEET_LAB: '' }, 'PGFLEET_LAB'],
    [{ PGFLEET_SUBNET: '10.77.0.7/24' }, 'PGFLEET_SUBNET'],
    [{ PGFLEET_STATE: 'relative' }, 'PGFLEET_STATE'],
  ])('names the variable that is wrong: %j', (env, variable) => {
    expect(() => labSettings(env)).toThrow(variable);
  });
});
