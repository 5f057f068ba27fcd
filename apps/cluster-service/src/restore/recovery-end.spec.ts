import { StepFailure } from '@pgfleet/operations';
import { readRecoveryEnd } from './recovery-end';

describe('readRecoveryEnd', () => {
  it('reads the last line, after all that PostgreSQL has said', () => {
    const end = { timeline: 2, lsn: '0/4002070', time: '2026-11-24T13:33:58.909289Z' };
    expect(readRecoveryEnd(`LOG:  {redo} done\n${JSON.stringify(end)}\n`)).toEqual(end);
    expect(readRecoveryEnd('{"timeline": 3, "lsn": "1/0", "time": null}')).toMatchObject({ time: null });
  });

  it.each([null, '', 'LOG:  ready', '{}'])(
    'does not make one up of %j, and fails the step for good',
    (output) => {
      expect(() => readRecoveryEnd(output)).toThrow('did not say where it ended');
      expect(() => readRecoveryEnd(output)).toThrow(StepFailure);
    },
  );
});
