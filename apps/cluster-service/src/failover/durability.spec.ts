import { parseKey } from '@pgfleet/patroni';
import {
  acknowledgesAlone,
  defaultDurability,
  durabilityFault,
  durabilityOf,
  synchronousSettings,
} from './durability';
import { patroniSettings } from './patroni-settings';

describe('durability', () => {
  it('is quorum where the loss of one replica stalls nobody', () => {
    expect([1, 2, 3, 7].map(defaultDurability)).toEqual(['async', 'async', 'quorum', 'quorum']);
  });

  it('names all settings, whichever it is', () => {
    expect(synchronousSettings('async')).toMatchObject({ synchronous_mode: false });
    expect(synchronousSettings('sync')).toMatchObject({
      synchronous_mode: true,
      synchronous_mode_strict: false,
    });
    expect(synchronousSettings('strict-sync')).toMatchObject({
      synchronous_mode: true,
      synchronous_mode_strict: true,
    });
    expect(synchronousSettings('quorum')).toEqual({
      synchronous_mode: 'quorum',
      synchronous_mode_strict: false,
      synchronous_node_count: 1,
    });
  });

  it.each(['async', 'sync', 'strict-sync', 'quorum'] as const)(
    'is read back from Patroni: %s',
    (durability) => {
      const config = parseKey('/service/c1/config', JSON.stringify(synchronousSettings(durability)))?.value;
      if (config?.kind !== 'config') throw new Error('no configuration');
      expect(durabilityOf(config.config)).toBe(durability);
    },
  );

  it('is given up by sync and quorum while no replica has the commits', () => {
    const led = { nodes: 3, leader: 'n1', syncStandbys: [] };
    const alone = (['async', 'sync', 'strict-sync', 'quorum'] as const).filter((durability) =>
      acknowledgesAlone({ ...led, durability }),
    );
    expect(alone).toEqual(['sync', 'quorum']);
    expect(acknowledgesAlone({ ...led, durability: 'sync', syncStandbys: ['n2'] })).toBe(false);
    // The previous leader's standby has taken over and has not named a standby of its own yet.
    expect(acknowledgesAlone({ ...led, durability: 'sync', syncStandbys: ['n1'] })).toBe(true);
    expect(acknowledgesAlone({ ...led, durability: 'sync', nodes: 1 })).toBe(false);
  });

  it('refuses a durability under which nothing could ever be written', () => {
    expect(durabilityFault('strict-sync', 1)).toMatch(/single node/);
    expect(durabilityFault('strict-sync', 2)).toBeNull();
    expect(durabilityFault('quorum', 1)).toBeNull();
  });

  it("goes into Patroni's configuration together with the profile", () => {
    expect(patroniSettings({ profile: 'fast', durability: 'sync' })).toEqual({
      ttl: 20,
      loop_wait: 5,
      retry_timeout: 5,
      primary_start_timeout: 15,
      synchronous_mode: true,
      synchronous_mode_strict: false,
      synchronous_node_count: 1,
    });
  });
});
