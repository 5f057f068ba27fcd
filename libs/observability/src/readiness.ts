import { Injectable } from '@nestjs/common';

/** A check of one dependency. Resolves if it works; rejects with the reason if not. */
export interface ReadinessCheck {
  name: string;
  check: () => Promise<void>;
}

const timeoutMs = 2000;

const within = async (check: () => Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([check(), late]);
  } finally {
    clearTimeout(timer);
  }
};

/** The checks that must pass before a service gets traffic. Any provider can inject this and register a check. */
@Injectable()
export class Readiness {
  private readonly checks = new Map<string, () => Promise<void>>();

  constructor(checks: readonly ReadinessCheck[] = []) {
    for (const { name, check } of checks) this.register(name, check);
  }

  /** @param name of the dependency in the response, e.g. `nats` */
  register(name: string, check: () => Promise<void>): void {
    this.checks.set(name, check);
  }

  /** Runs all checks in parallel. Returns the failed ones with the reason. */
  async failures(): Promise<{ name: string; reason: string }[]> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => {
        try {
          await within(check);
          return undefined;
        } catch (error) {
          return { name, reason: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
    return results.filter((failure) => failure !== undefined);
  }

  get names(): string[] {
    return [...this.checks.keys()];
  }
}
