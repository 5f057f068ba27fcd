import { Test } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ObservabilityModule } from './observability.module';
import { Readiness } from './readiness';

describe('ObservabilityModule', () => {
  let app: NestExpressApplication;
  let url: string;
  let natsUp = true;

  beforeAll(async () => {
    const readiness = [
      {
        name: 'nats',
        check: () => (natsUp ? Promise.resolve() : Promise.reject(new Error('not connected'))),
      },
    ];
    const module = await Test.createTestingModule({
      imports: [ObservabilityModule.forRoot({ service: 'test', readiness })],
    }).compile();
    app = module.createNestApplication<NestExpressApplication>();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app.close());

  it('is live', async () => {
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  it('is ready while every check passes, and names what does not', async () => {
    app.get(Readiness).register('database', () => Promise.resolve());
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ status: 'ready', checks: ['nats', 'database'] });

    natsUp = false;
    const not = await fetch(`${url}/health/ready`);
    expect(not.status).toBe(503);
    expect(not.headers.get('content-type')).toContain('application/problem+json');
    expect(await not.json()).toMatchObject({ code: 'not-ready', detail: 'nats: not connected' });
  });

  it("serves metrics, the process's among them", async () => {
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await response.text()).toMatch(/process_resident_memory_bytes\{service="test"\} \d+/);
  });
});
