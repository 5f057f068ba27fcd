import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { claimLab } from './single-run';

describe('claimLab', () => {
  const file = '/run/pgfleet-test-spec.pid';
  afterEach(() => rmSync(file, { force: true }));

  it('refuses a second run, and lets the next one in when the first has ended', () => {
    const release = claimLab('spec');
    expect(() => claimLab('spec')).toThrow(`process ${process.pid} is testing in lab spec`);
    release();
    expect(existsSync(file)).toBe(false);
    claimLab('spec')();
  });

  it('takes over from a run that was killed, also when its number belongs to another process now', () => {
    writeFileSync(file, `${process.pid} 1`);
    expect(() => claimLab('spec')()).not.toThrow();
  });
});
