import { machinesWithin } from './inotify-limit';

describe('the limit on inotify instances', () => {
  it.each([
    [128, 10],
    [4096, 672],
    [32, 0],
  ])('of %i allows %i machines', (limit, machines) => expect(machinesWithin(limit)).toBe(machines));
});
