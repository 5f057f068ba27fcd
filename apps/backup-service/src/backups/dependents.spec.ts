import { dependentsOf } from './dependents';

const full = '20261101-010000F';
const diff = `${full}_20261102-010000D`;
const onDiff = `${full}_20261102-020000I`;
const onIncr = `${full}_20261102-030000I`;
const second = '20261103-010000F';
const onSecond = `${second}_20261103-020000I`;
const backups = [
  { label: onSecond, dependsOn: [second] },
  { label: second, dependsOn: [] },
  { label: onIncr, dependsOn: [onDiff] },
  { label: onDiff, dependsOn: [full, diff] },
  { label: diff, dependsOn: [full] },
  { label: full, dependsOn: [] },
];

describe('dependentsOf', () => {
  it.each([
    [full, [diff, onDiff, onIncr]],
    [diff, [onDiff, onIncr]],
    [onDiff, [onIncr]],
    [onIncr, []],
    [second, [onSecond]],
    ['20250101-000000F', []],
  ])('of %s, in whatever order they are listed', (label, expected) => {
    expect(dependentsOf(label, backups)).toEqual(expected);
    expect(dependentsOf(label, [...backups].reverse())).toEqual(expected);
  });

  it('holds for any chain: what is left needs nothing that went', () => {
    const seed = Number(process.env.PGFLEET_SPEC_SEED ?? Date.now() % 2 ** 31);
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 300; round++) {
      const chain: { label: string; dependsOn: string[] }[] = [];
      for (let index = 0; index < 12; index++) {
        const label = `20261101-0100${String(index + 10)}F`;
        const prior = chain.length > 0 && random(4) > 0 ? [chain[random(chain.length)]!.label] : [];
        chain.push({ label, dependsOn: prior });
      }
      const { label } = chain[random(chain.length)]!;
      const gone = new Set([label, ...dependentsOf(label, chain)]);
      const left = chain.filter((backup) => !gone.has(backup.label));
      const isWhole = left.every(({ dependsOn }) => dependsOn.every((needed) => !gone.has(needed)));
      expect({ seed, isWhole }).toEqual({ seed, isWhole: true });
      for (const each of gone)
        if (each !== label)
          expect(
            chain.find((backup) => backup.label === each)!.dependsOn.some((needed) => gone.has(needed)),
          ).toBe(true);
    }
  });
});
