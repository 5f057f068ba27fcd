import type { ModuleRef } from '@nestjs/core';
import type { Type } from '@nestjs/common';
import { next, type Outcome, Program } from './index';
import { Programs } from './programs';

class Whole extends Program {
  readonly kind: string = 'spec.whole';
  readonly steps: readonly string[] = ['one'];
  one(): Promise<Outcome> {
    return Promise.resolve(next());
  }
}
class Twin extends Whole {}
class Empty extends Whole {
  override readonly kind = 'spec.empty';
  override readonly steps = [];
}
class Half extends Whole {
  override readonly kind = 'spec.half';
  override readonly steps = ['one', 'two'];
}

const load = (...classes: Type<Program>[]): Programs => {
  const made = { get: (type: Type<Program>) => new type() } as unknown as ModuleRef;
  const programs = new Programs(classes, made);
  programs.onModuleInit();
  return programs;
};

describe('Programs', () => {
  it('finds a program by its kind', () => {
    const programs = load(Whole);
    expect(programs.get('spec.whole')).toBeInstanceOf(Whole);
    expect(programs.find('spec.none')).toBeUndefined();
    expect(() => programs.get('spec.none')).toThrow('No program for operations of kind spec.none');
  });

  it('refuses what could not run', () => {
    expect(() => load(Whole, Twin)).toThrow('Two programs for operations of kind spec.whole');
    expect(() => load(Empty)).toThrow('Empty has no steps');
    expect(() => load(Half)).toThrow(`Half has no method for its step 'two'`);
  });

  it('waits longer after each failure, up to half a minute', () => {
    expect([1, 2, 3, 4, 5].map((failures) => new Whole().backoffMs(failures))).toEqual([
      1_000, 3_000, 9_000, 27_000, 30_000,
    ]);
  });
});
