import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Controller, type INestApplication, Module } from '@nestjs/common';
import {
  defineRequest,
  getCluster,
  getClusterHealth,
  newId,
  notFound,
  ProblemError,
  type ServiceName,
} from '@pgfleet/contracts';
import { eventually, type Services, startServices } from '@pgfleet/integration';
import { z } from 'zod';
import { connectNats, MessagingModule, OnRequest, provision, Requester, startService } from '../index';

jest.setTimeout(30_000);
process.env.PGFLEET_LOG_LEVEL ||= 'silent';

const service: ServiceName = 'cluster-service';
const double = defineRequest({
  service,
  name: 'double',
  description: '',
  input: z.object({ n: z.int(), afterMs: z.int().default(0) }),
  output: z.object({ twice: z.int() }),
});

@Controller()
class Answers {
  @OnRequest(double)
  async double({ n, afterMs }: { n: number; afterMs: number }): Promise<{ twice: number; secret: string }> {
    await pause(afterMs);
    if (n === 13) throw new TypeError('the inside of the service');
    return { twice: 2 * n, secret: 'not in the contract' };
  }

  @OnRequest(getCluster)
  cluster({ clusterId }: { clusterId: string }): never {
    throw notFound(`No cluster ${clusterId}`, { remedy: 'List the clusters.' });
  }
}

/** As in production: a service may answer its own requests, ask others, and hear its own inboxes only. */
const user = (name: string, asks: string) => `{
  user: "${name}", password: "secret",
  permissions: {
    publish: { allow: ["requests.${asks}.>", "$JS.API.>"] },
    subscribe: { allow: ["requests.${name}.>", "_INBOX_${name}.>"] },
    allow_responses: { max: 1, expires: "2m" }
  }
}`;
const users = `authorization { users: [
  { user: "admin", password: "secret" }, ${user(service, 'nobody')}, ${user('api-gateway', '*')}
] }`;

/** A way to a port of this host on which everything that is sent there takes its time. */
const farLink = async (port: number, delayMs: number) => {
  const link = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    from.on('data', (data) => void setTimeout(() => to.write(data), delayMs));
    to.pipe(from);
    from.on('close', () => to.destroy()).on('error', () => to.destroy());
    to.on('error', () => from.destroy());
  });
  await once(link.listen(0, '127.0.0.1'), 'listening');
  const url = `nats://127.0.0.1:${(link.address() as AddressInfo).port}`;
  return { url, close: () => link.close() };
};

describe('requests', () => {
  let services: Services;
  let asking: INestApplication;
  let answering: INestApplication;
  let requester: Requester;

  const start = (name: ServiceName, controllers: (typeof Answers)[], servers = services.nats.url) => {
    const nats = { servers, user: name, password: 'secret' };
    @Module({
      imports: [MessagingModule.forRoot({ service: name, nats, database: false })],
      controllers,
    })
    class TestModule {}
    return startService(TestModule, { service: name, httpPort: 0 });
  };
  const problemOf = async (asked: Promise<unknown>) => {
    const error: unknown = await asked.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ProblemError);
    return (error as ProblemError).problem;
  };

  beforeAll(async () => {
    services = await startServices({ nats: users });
    const admin = await connectNats({
      servers: services.nats.url,
      name: 'admin',
      user: 'admin',
      password: 'secret',
    });
    await provision(admin);
    expect(await provision(admin)).toEqual([]);
    await admin.close();
    answering = await start(service, [Answers]);
    asking = await start('api-gateway', []);
    requester = asking.get(Requester);
  }, 60_000);
  afterAll(async () => {
    await asking.close();
    await answering.close();
    await services.stop();
  });

  it('gives what the other service answers, and only what the contract tells of it', async () => {
    expect(await requester.ask(double, { n: 21 })).toEqual({ twice: 42 });
  });

  it('throws the problem that the request was refused with', async () => {
    const clusterId = newId('clu');
    expect(await problemOf(requester.ask(getCluster, { clusterId }))).toMatchObject({
      status: 404,
      code: 'not-found',
      detail: `No cluster ${clusterId}`,
      remedy: 'List the clusters.',
    });
  });

  it('refuses input that does not match the contract', async () => {
    expect(await problemOf(requester.ask(double, { n: 'x' as unknown as number }))).toMatchObject({
      status: 400,
    });
  });

  it('tells nothing of the inside of a service that fails', async () => {
    const problem = await problemOf(requester.ask(double, { n: 13 }));
    expect(problem).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(problem)).not.toMatch(/inside of the service/);
  });

  it('says 503 at once when nobody listens, and after the time when nobody answers', async () => {
    const at = Date.now();
    const nobody = await problemOf(requester.ask(getClusterHealth, { clusterId: newId('clu') }));
    expect(nobody).toMatchObject({ status: 503 });
    expect(Date.now() - at).toBeLessThan(1_000);
    const late = await problemOf(requester.ask(double, { n: 1, afterMs: 2_000 }, { timeoutMs: 300 }));
    expect(late).toMatchObject({ status: 503 });
    expect(Date.now() - at).toBeLessThan(2_000);
  });

  it('asks and answers again when nats-server was killed and comes back', async () => {
    await services.nats.kill();
    expect(await problemOf(requester.ask(double, { n: 1 }))).toMatchObject({ status: 503 });
    await services.nats.start();
    await eventually(async () => expect(await requester.ask(double, { n: 2 })).toEqual({ twice: 4 }));
  });

  it('answers what it has taken before it stops', async () => {
    const asked = requester.ask(double, { n: 5, afterMs: 500 });
    await pause(100);
    await answering.close();
    expect(await asked).toEqual({ twice: 10 });
    expect(await problemOf(requester.ask(double, { n: 5 }))).toMatchObject({ status: 503 });
    answering = await start(service, [Answers]);
    expect(await requester.ask(double, { n: 6 })).toEqual({ twice: 12 });
  });

  it('answers as soon as it has started, however far NATS is', async () => {
    await answering.close();
    const far = await farLink(services.nats.port, 300);
    try {
      answering = await start(service, [Answers], far.url);
      expect(await requester.ask(double, { n: 7 })).toEqual({ twice: 14 });
    } finally {
      await answering.close();
      far.close();
    }
  });
});
