import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';
import { diagnose } from './diagnosis';

/** Node's environment that, when a test fails, shows what the platform was doing. */
export default class PlatformEnvironment extends TestEnvironment {
  private diagnosed = false;

  async handleTestEvent(event: Circus.AsyncEvent): Promise<void> {
    const failed =
      event.name === 'test_fn_failure' || (event.name === 'hook_failure' && event.hook.type !== 'afterAll');
    // What fails after the first failure of a file is mostly its consequence.
    if (!failed || this.diagnosed) return;
    this.diagnosed = true;
    await diagnose();
  }
}
