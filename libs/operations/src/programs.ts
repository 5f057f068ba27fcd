import { Inject, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Outcome } from './outcome';
import type { Program, StepContext } from './program';

export const PROGRAM_CLASSES = Symbol('PROGRAM_CLASSES');

type StepMethod = (context: StepContext<unknown>) => Promise<Outcome>;

/** The kinds of operation of this service. */
@Injectable()
export class Programs implements OnModuleInit {
  private readonly byKind = new Map<string, Program>();

  constructor(
    @Inject(PROGRAM_CLASSES) private readonly classes: readonly Type<Program>[],
    private readonly moduleRef: ModuleRef,
  ) {}

  /** Refuses two programs of a kind, a program without steps, and a step without a method. */
  onModuleInit(): void {
    for (const type of this.classes) {
      const program = this.moduleRef.get(type, { strict: false });
      if (this.byKind.has(program.kind))
        throw new Error(`Two programs for operations of kind ${program.kind}`);
      if (program.steps.length === 0) throw new Error(`${type.name} has no steps`);
      for (const step of program.steps) {
        if (!methodOf(program, step)) throw new Error(`${type.name} has no method for its step '${step}'`);
      }
      this.byKind.set(program.kind, program);
    }
  }

  find(kind: string): Program | undefined {
    return this.byKind.get(kind);
  }

  get(kind: string): Program {
    const program = this.byKind.get(kind);
    if (!program) throw new Error(`No program for operations of kind ${kind}`);
    return program;
  }
}

const methodOf = (program: Program, step: string): StepMethod | undefined => {
  const method: unknown = (program as unknown as Record<string, unknown>)[step];
  return typeof method === 'function' ? (method as StepMethod) : undefined;
};

/** Runs the program's method of the step that the context stands at. */
export const runStep = (program: Program, context: StepContext<unknown>): Promise<Outcome> => {
  const method = methodOf(program, context.step);
  if (!method) throw new Error(`Operations of kind ${program.kind} have no step '${context.step}' any more`);
  return method.call(program, context);
};
