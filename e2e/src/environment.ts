import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';
import { diagnose } from './diagnosis';

/** Node's environment that, when a test fails, shows what the platform was doing. */
export default class PlatformEnvironment extends TestEnvironment {
  async handleTestEvent(event: Circus.AsyncEvent): Promise<void> {
    if (event.name === 'test_fn_failure' || (event.name === 'hook_failure' && event.hook.type !== 'afterAll'))
      await diagnose();
  }
}
