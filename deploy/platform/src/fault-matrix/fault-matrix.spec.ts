import { repository } from '../repository';
import { faultCases, losses, sampleOf, shardOf, targets } from './fault-cases';
import { operationFacts, started, withoutCases } from './operations';
import { programSteps, stepsIn } from './program-steps';

describe('the fault matrix', () => {
  const programs = programSteps(repository);
  const cases = faultCases(programs);

  it('reads the steps of a program', () => {
    const source = `static readonly kind = 'a.b';\n readonly steps = [\n 'one', // 'not this'\n ...['two'],\n] as const;`;
    expect(stepsIn(source)).toEqual({ kind: 'a.b', steps: ['one', 'two'] });
    expect(stepsIn('nothing')).toBeNull();
  });

  it('has cases, or a reason for none, for every operation', () => {
    const known: string[] = [...started, ...Object.keys(withoutCases)];
    expect([...programs.keys()].filter((kind) => !known.includes(kind))).toEqual([]);
  });

  it('has cases for every step and every machine of the operations that it starts', () => {
    for (const operation of started) {
      const { without } = operationFacts[operation];
      const steps = programs.get(operation) ?? [];
      expect(steps).toEqual(expect.arrayContaining(Object.keys(without)));
      const covered = cases.filter((fault) => fault.operation === operation);
      expect(new Set(covered.map(({ step }) => step)).size).toBe(steps.length - Object.keys(without).length);
      expect(covered).toHaveLength(
        (steps.length - Object.keys(without).length) * targets.length * losses.length,
      );
    }
  });

  it('is split into parts that make up the whole', () => {
    const parts = [1, 2, 3].flatMap((i) => shardOf(cases, `${i}/3`));
    expect(parts.map(({ id }) => id).sort()).toEqual(cases.map(({ id }) => id).sort());
    expect(() => shardOf(cases, '4/3')).toThrow('--shard 4/3');
    expect(() => shardOf(cases, 'x')).toThrow('--shard x');
  });

  it('gives the same sample of quick cases for the same seed', () => {
    const sample = sampleOf(cases, 7, 20);
    expect(sample).toHaveLength(20);
    expect(sample.every(({ facts }) => facts.quick)).toBe(true);
    expect(sampleOf(cases, 7, 20)).toEqual(sample);
    expect(sampleOf(cases, 8, 20)).not.toEqual(sample);
  });
});
