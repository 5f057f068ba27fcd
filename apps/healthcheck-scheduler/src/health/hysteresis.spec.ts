import type { HealthState } from '@pgfleet/contracts';
import { afterProbe, type Standing } from './hysteresis';

const seen: Record<string, 'healthy' | 'saturated' | 'unhealthy'> = {
  '+': 'healthy',
  '~': 'saturated',
  '-': 'unhealthy',
};

const play = (probes: string, thresholds = { unhealthyAfter: 2, healthyAfter: 1 }): HealthState[] => {
  let standing: Standing = { state: 'unknown', contrary: 0 };
  return [...probes].map((probe) => (standing = afterProbe(standing, seen[probe]!, thresholds)).state);
};

describe('afterProbe', () => {
  it('makes a node healthy with the first good probe', () => {
    expect(play('+')).toEqual(['healthy']);
  });

  it('makes it unhealthy with the second failure in a row only', () => {
    expect(play('+-+--')).toEqual(['healthy', 'healthy', 'healthy', 'healthy', 'unhealthy']);
    expect(play('--')).toEqual(['unknown', 'unhealthy']);
    expect(play('---+')).toEqual(['unknown', 'unhealthy', 'unhealthy', 'healthy']);
  });

  it('calls a node saturated as slowly, and says when that turns into unhealthy', () => {
    expect(play('+~~').at(-1)).toBe('saturated');
    expect(play('+~+~').at(-1)).toBe('healthy');
    expect(play('+~~-').at(-1)).toBe('saturated');
    expect(play('+~~--').at(-1)).toBe('unhealthy');
    expect(play('+~~+').at(-1)).toBe('healthy');
  });

  it('counts each side anew when the other comes between', () => {
    const thresholds = { unhealthyAfter: 3, healthyAfter: 2 };
    expect(play('+-+-++', thresholds).at(-1)).toBe('healthy');
    expect(play('+-+-+-', thresholds).at(-1)).toBe('unknown');
    expect(play('++--+--', thresholds).at(-1)).toBe('healthy');
    expect(play('++---', thresholds).at(-1)).toBe('unhealthy');
    expect(play('++---+-+', thresholds).at(-1)).toBe('unhealthy');
  });
});
