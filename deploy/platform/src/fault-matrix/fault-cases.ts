import { operationFacts, started, type OperationFacts, type Started } from './operations';

export const targets = ['replica', 'leader', 'load_balancer', 'etcd', 'object_store'] as const;
export const losses = ['power', 'network'] as const;

/** One machine loses power or network while an operation is at a step. */
export interface FaultCase {
  /** `operation/step/target/loss` */
  id: string;
  operation: Started;
  step: string;
  target: (typeof targets)[number];
  loss: (typeof losses)[number];
  facts: OperationFacts;
}

/** All cases of the started operations, by the steps that their programs name. */
export function faultCases(programs: ReadonlyMap<string, readonly string[]>): FaultCase[] {
  return started.flatMap((operation) => {
    const facts = operationFacts[operation];
    const steps = (programs.get(operation) ?? []).filter((step) => !(step in facts.without));
    return steps.flatMap((step) =>
      targets.flatMap((target) =>
        losses.map((loss) => {
          const id = [operation, step, target, loss].join('/');
          return { id, operation, step, target, loss, facts };
        }),
      ),
    );
  });
}

/** Part `i` of `n`, from 1: every n-th case, so that each part has some of every operation. */
export function shardOf(cases: readonly FaultCase[], shard: string): FaultCase[] {
  const [, part = '', parts = ''] = /^(\d+)\/(\d+)$/.exec(shard) ?? [];
  const [i, n] = [Number(part), Number(parts)];
  if (!(i >= 1 && i <= n)) throw new Error(`--shard ${shard}: say which part of how many, as 1/20`);
  return cases.filter((_, index) => index % n === i - 1);
}

/** The requested number of quick cases; the same seed gives the same cases. */
export function sampleOf(cases: readonly FaultCase[], seed: number, count: number): FaultCase[] {
  const left = cases.filter(({ facts }) => facts.quick);
  const random = mulberry32(seed);
  const chosen: FaultCase[] = [];
  while (chosen.length < count && left.length > 0)
    chosen.push(...left.splice(Math.floor(random() * left.length), 1));
  return chosen;
}

/** A small generator of numbers from 0 to 1: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
