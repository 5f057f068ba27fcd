import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';
import { diagnose } from './diagnosis';

/** Node's environment, which also shows what the platform was doing when a test fails. */
export default class PlatformEnvironment extends TestEnvironment {
  private diagnosed = false;

  async handleTestEvent(event: Circus.AsyncEvent): Promise<void> {
    const failed =
      event.name === 'test_fn_failure' || (event.name === 'hook_failure' && event.hook.type !== 'afterAll');
    // Later failures in a file are mostly consequences of the first one.
    if (!failed || this.diagnosed) return;
    this.diagnosed = true;
    await diagnose();
  }
}
