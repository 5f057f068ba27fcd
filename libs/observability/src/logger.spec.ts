import { createLogger } from './logger';

const logged = () => {
  const lines: string[] = [];
  const logger = createLogger('cluster-service', { write: (line: string) => void lines.push(line) });
  return { logger, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}') };
};

describe('createLogger', () => {
  it('writes one JSON object per line, with service, level, context and time', () => {
    const { logger, last } = logged();
    logger.log('started', 'NestFactory');
    expect(last()).toMatchObject({
      level: 'info',
      service: 'cluster-service',
      context: 'NestFactory',
      msg: 'started',
    });
    expect(Date.parse(String(last().time))).toBeGreaterThan(0);
  });

  it("keeps an error's message, stack and cause", () => {
    const { logger, last } = logged();
    logger.error(new Error('no leader', { cause: new Error('etcd is gone') }), 'Programs');
    expect(last()).toMatchObject({ level: 'error', context: 'Programs' });
    expect(last().err).toMatchObject({ type: 'Error', message: expect.stringContaining('no leader') });
    expect(JSON.stringify(last())).toContain('etcd is gone');
  });

  it("takes Nest's (message, stack, context)", () => {
    const { logger, last } = logged();
    logger.error('boom', 'Error: boom\n    at here.ts:1', 'ExceptionsHandler');
    expect(last()).toMatchObject({ msg: 'boom', context: 'ExceptionsHandler', stack: expect.any(String) });
  });

  it('redacts fields named like secrets at any depth, also on errors', () => {
    const { logger, last } = logged();
    const error = Object.assign(new Error('refused'), { connection: { password: 'hunter2' } });
    logger.warn('x', { nats: { user: 'u', password: 'hunter2' }, list: [{ apiToken: 'hunter2' }], error });
    expect(JSON.stringify(last())).not.toContain('hunter2');
    expect(last().nats).toEqual({ user: 'u', password: '[redacted]' });
  });
});
