import { setTimeout as pause } from 'node:timers/promises';
import { Controller, type INestApplication } from '@nestjs/common';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  type CloudEvent,
  clusterDeleted,
  clusterReady,
  clusterUpdated,
  type EventContract,
  eventSubject,
  eventType,
  newId,
} from '@pgfleet/contracts';
import { eventually, type Services, startServices } from '@pgfleet/integration';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { NatsLink, OnEvent, OnWork, provision, RetryLater, type Work } from '../index';
import { readStream } from '../testing/read-stream';
import { observe, prepare, startTestService } from '../testing/test-service';
import { JetStreamTransport } from './jetstream-transport';

interface Named {
  clusterId: string;
  name: string;
}

/** What the handlers did; each spec looks for its own names. */
const seen: string[] = [];
const behaviour = new Map<string, (tx?: EntityManager) => Promise<void>>();
const did = (name: string) => seen.filter((one) => one === name).length;

@Controller()
class Events {
  @OnEvent(clusterUpdated, { concurrency: 4 })
  async updated({ data }: CloudEvent<Named>, tx: EntityManager): Promise<void> {
    seen.push(data.name);
    await tx.query('INSERT INTO effect (name) VALUES ($1)', [data.name]);
    await behaviour.get(data.name)?.(tx);
  }

  @OnEvent(clusterDeleted, { inbox: false })
  async deleted({ data }: CloudEvent<Named>): Promise<void> {
    seen.push(data.name);
    await behaviour.get(data.name)?.();
  }
}

const payload = z.object({ name: z.string() });
const deliveries = new Map<string, number[]>();

@Controller()
class Jobs {
  @OnWork({
    stream: 'JOBS',
    filter: 'jobs.spec.*',
    durable: 'spec-jobs',
    schema: payload,
    ackWaitMs: 1_000,
    maxDeliver: 3,
    concurrency: 4,
  })
  async work({ name }: { name: string }, { deliveryCount }: Work): Promise<void> {
    deliveries.set(name, [...(deliveries.get(name) ?? []), deliveryCount]);
    await behaviour.get(name)?.();
  }
}

jest.setTimeout(30_000);

describe('JetStream transport', () => {
  let services: Services;
  let url: string;
  let spec: NatsConnection;
  let link: NatsLink;
  let app: INestApplication;

  beforeAll(async () => {
    services = await startServices({ nats: true, postgres: true });
    url = await prepare(services);
    await services.postgres.query(
      'CREATE TABLE cluster.effect (name text); GRANT ALL ON cluster.effect TO cluster',
    );
    spec = await observe(services);
    link = new NatsLink(spec);
    app = await start();
  }, 60_000);
  afterAll(async () => {
    await app.close();
    await spec.close();
    await services.stop();
  });

  const start = () =>
    startTestService(services, { service: 'cluster-service', url, controllers: [Events, Jobs] });
  const publish = async (
    contract: EventContract,
    name: string,
    { id = newId('evt'), msgID = newId('evt') } = {},
  ): Promise<void> => {
    const clusterId = newId('clu');
    const event = {
      specversion: '1.0',
      id,
      source: '/spec',
      type: eventType(contract),
      subject: clusterId,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data: { clusterId, name, backupsKept: true, stanza: 's' },
    };
    await jetstream(spec).publish(eventSubject(contract, clusterId), JSON.stringify(event), { msgID });
  };
  const work = (name: string, body: unknown = { name }) =>
    jetstream(spec).publish(`jobs.spec.${name}`, JSON.stringify(body), { msgID: newId('job') });
  const effects = async (name: string): Promise<number> => {
    const found = await services.postgres.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM cluster.effect WHERE name = '${name}'`,
    );
    return found[0]!.n;
  };
  const unanswered = async (stream: string, durable: string): Promise<number> => {
    const { num_ack_pending, num_pending } = await (
      await jetstreamManager(spec)
    ).consumers.info(stream, durable);
    return num_ack_pending + num_pending;
  };
  const answered = (durable: string, stream = 'EVENTS') =>
    eventually(async () => expect(await unanswered(stream, durable)).toBe(0), 15_000);
  const updates = 'cluster-service-cluster-updated';

  it('lets an event take effect once, however often it is delivered', async () => {
    const id = newId('evt');
    await Promise.all([1, 2, 3].map(() => publish(clusterUpdated, 'thrice', { id })));
    await answered(updates);
    expect(await effects('thrice')).toBe(1);
    expect(did('thrice')).toBe(1);
  });

  it('takes the effect back when the handler throws, and tries again', async () => {
    behaviour.set('twice', async () => {
      if (did('twice') === 1) throw new Error('not yet');
    });
    await publish(clusterUpdated, 'twice');
    await eventually(() => expect(did('twice')).toBe(2));
    await answered(updates);
    expect(await effects('twice')).toBe(1);
  });

  it('handles events in a service that has no inbox for them', async () => {
    await publish(clusterDeleted, 'plain');
    await eventually(() => expect(did('plain')).toBe(1));
  });

  it('moves a message to DEAD with the reason after maxDeliver deliveries', async () => {
    behaviour.set('poison', () => Promise.reject(new TypeError('it is broken')));
    await work('poison');
    await answered('spec-jobs', 'JOBS');
    expect(deliveries.get('poison')).toEqual([1, 2, 3]);
    const dead = await readStream(spec, 'DEAD', 'dead.cluster-service.spec-jobs');
    expect(dead.map(({ json }) => json)).toEqual([
      expect.objectContaining({
        reason: 'TypeError: it is broken',
        deliveries: 3,
        subject: 'jobs.spec.poison',
        stream: 'JOBS',
        payload: '{"name":"poison"}',
      }),
    ]);
    expect(await readStream(spec, 'JOBS', 'jobs.spec.poison')).toEqual([]);
  });

  it('moves what does not match its schema to DEAD at once', async () => {
    await work('shapeless', { name: 7 });
    await answered('spec-jobs', 'JOBS');
    expect(deliveries.get('shapeless')).toBeUndefined();
    const dead = await readStream(spec, 'DEAD', 'dead.cluster-service.spec-jobs');
    expect(dead.at(-1)!.json).toMatchObject({
      deliveries: 1,
      reason: expect.stringMatching(/does not match its schema/),
    });
  });

  it('brings a message back after the delay that the handler asks for', async () => {
    const at: number[] = [];
    behaviour.set('later', async () => {
      at.push(Date.now());
      if (at.length < 5) throw new RetryLater(200);
    });
    await work('later');
    await eventually(() => expect(at).toHaveLength(5));
    await answered('spec-jobs', 'JOBS');
    const delays = at.slice(1).map((time, index) => time - at[index]!);
    delays.sort((a, b) => a - b);
    expect(delays[0]).toBeGreaterThanOrEqual(190);
    // The second of four: other programs share the machine.
    expect(delays[1]).toBeLessThan(400);
  });

  it('keeps a message alive while its handler runs longer than the ack wait', async () => {
    behaviour.set('long', () => pause(3_000));
    await work('long');
    await eventually(() => expect(deliveries.get('long')).toEqual([1]));
    await answered('spec-jobs', 'JOBS');
    expect(deliveries.get('long')).toEqual([1]);
  });

  it('refuses two handlers on one subject, and an inbox without a database', async () => {
    @Controller()
    class Again {
      @OnEvent(clusterUpdated)
      async updated(): Promise<void> {}
    }
    await expect(
      startTestService(services, { service: 'cluster-service', url, controllers: [Events, Again] }),
    ).rejects.toThrow(/Two handlers on events.cluster.\*.updated/);
    await expect(
      startTestService(services, { service: 'api-gateway', controllers: [Again] }),
    ).rejects.toThrow(/needs a database/);
  });

  it('holds a message while the database is away, and lets it take effect once when it is back', async () => {
    behaviour.set('outage', async () => {
      if (did('outage') === 1) await services.postgres.kill();
    });
    await publish(clusterUpdated, 'outage');
    await eventually(() => expect(did('outage')).toBe(1));
    await pause(500);
    await services.postgres.start();
    await answered(updates);
    expect(await effects('outage')).toBe(1);
    const { delivered, num_redelivered } = await (
      await jetstreamManager(spec)
    ).consumers.info('EVENTS', updates);
    expect(num_redelivered).toBe(0);
    expect(delivered.consumer_seq).toBeGreaterThan(0);
  });

  it('goes on when nats-server was killed and comes back', async () => {
    await services.nats.kill();
    await pause(500);
    await services.nats.start();
    await link.untilUp(AbortSignal.timeout(10_000));
    await publish(clusterUpdated, 'after the restart');
    const at = Date.now();
    await eventually(() => expect(did('after the restart')).toBe(1), 5_000);
    console.log(`first event after a restart of NATS: ${Date.now() - at} ms`);
    await work('after-the-restart');
    await eventually(() => expect(deliveries.get('after-the-restart')).toEqual([1]));
  });

  it('makes its consumers again when NATS lost its data', async () => {
    await services.nats.kill();
    services.nats.eraseData();
    await services.nats.start();
    await link.untilUp(AbortSignal.timeout(10_000));
    await provision(spec);
    await publish(clusterUpdated, 'new world');
    await eventually(() => expect(did('new world')).toBe(1), 10_000);
    await eventually(() => app.get(JetStreamTransport).check());
  }, 20_000);

  it('loses nothing when it is told to stop: what runs ends, the rest is for the next', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `drain${index}`);
    for (const name of names) behaviour.set(name, () => pause(120));
    await Promise.all(names.map((name) => publish(clusterUpdated, name)));
    await eventually(() => expect(did('drain0') + did('drain1')).toBeGreaterThan(0));
    await app.close();
    const begun = names.filter((name) => did(name) > 0);
    expect(begun.length).toBeLessThan(30);
    for (const name of begun) expect(await effects(name)).toBe(1);
    app = await start();
    await answered(updates);
    for (const name of names) {
      expect(did(name)).toBe(1);
      expect(await effects(name)).toBe(1);
    }
  }, 20_000);

  it('does not take an event of another version for its own', async () => {
    await publish({ ...clusterUpdated, version: 2 }, 'version two');
    await publish(clusterReady, 'nobody listens');
    await answered(updates);
    expect(did('version two')).toBe(0);
  });

  it('has recorded every effect in the inbox', async () => {
    const [{ n }] = (await app.get(DataSource).query('SELECT count(*)::int AS n FROM inbox')) as [
      { n: number },
    ];
    expect(n).toBeGreaterThan(30);
  });
});
