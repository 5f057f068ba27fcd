import { Injectable } from '@nestjs/common';
import { type OperationContext, type Outcome, Program, type StepContext } from '../index';

type Step = (ctx: StepContext<Script>) => Promise<Outcome> | Outcome;

/** What an operation of a spec is given: the name of its script. */
export interface Script {
  readonly script: string;
}

/** Scripts by name: what each step does. */
export const scripts = new Map<string, Record<string, Step>>();
/** What happened, as `script:what`. */
export const happened: string[] = [];

/** Three steps that do what the spec's script says; a step without a script goes on. */
@Injectable()
export class ScriptProgram extends Program<Script> {
  readonly kind = 'spec.script';
  readonly steps = ['one', 'two', 'three'];
  override readonly attempts = 3;

  override backoffMs(failures: number): number {
    return 100 * failures;
  }

  one = (ctx: StepContext<Script>): Promise<Outcome> => this.play(ctx);
  two = (ctx: StepContext<Script>): Promise<Outcome> => this.play(ctx);
  three = (ctx: StepContext<Script>): Promise<Outcome> => this.play(ctx);

  override onFailed = this.hook('failed');
  override onCancelled = this.hook('cancelled');
  override onDone = this.hook('done');
  override onRetried = this.hook('retried');

  private async play(ctx: StepContext<Script>): Promise<Outcome> {
    happened.push(`${ctx.input.script}:${ctx.step}`);
    return scripts.get(ctx.input.script)![ctx.step]!(ctx);
  }

  private hook(what: string) {
    return async ({ input }: OperationContext<Script>): Promise<void> => {
      happened.push(`${input.script}:${what}`);
      if (input.script.startsWith(`bad hook ${what}`)) throw new Error('the hook is broken');
    };
  }
}
