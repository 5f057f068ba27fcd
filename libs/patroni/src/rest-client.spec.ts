import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PatroniAnswerError, PatroniRest } from './rest-client';

/** Captured from Patroni 4.0.7 with PostgreSQL 17.12: a leader with two replicas, a streaming replica, a node whose PostgreSQL is down. */
const patroni = { version: '4.0.7', scope: 'clu_test', name: 'node-3' };
const leader = {
  state: 'running',
  postmaster_start_time: '2026-11-23 19:32:01.041751+00:00',
  role: 'primary',
  server_version: 170012,
  xlog: { location: 84197680 },
  timeline: 1,
  replication: [
    {
      usename: 'replicator',
      application_name: 'node-2',
      client_addr: '127.0.0.1',
      state: 'streaming',
      sync_state: 'async',
      sync_priority: 0,
    },
  ],
  dcs_last_seen: 1795462446,
  database_system_identifier: '7711451944810425354',
  patroni,
};
const replica = {
  state: 'running',
  role: 'replica',
  server_version: 170012,
  xlog: {
    received_location: 84197680,
    replayed_location: 84197600,
    replayed_timestamp: '2026-11-23 19:33:31.246372+00:00',
    paused: false,
  },
  timeline: 1,
  replication_state: 'streaming',
  dcs_last_seen: 1795462446,
  patroni: { ...patroni, name: 'node-1' },
};
const down = { state: 'stopped', role: 'replica', pause: true, dcs_last_seen: 1795463174, patroni };
const cluster = {
  members: [
    {
      name: 'node-1',
      role: 'replica',
      state: 'streaming',
      api_url: 'http://127.0.0.1:28001/patroni',
      host: '127.0.0.1',
      port: 25431,
      timeline: 2,
      lag: 0,
    },
    { name: 'node-2', role: 'replica', state: 'stopped', host: '127.0.0.1', port: 25432, lag: 'unknown' },
    { name: 'node-3', role: 'leader', state: 'running', host: '127.0.0.1', port: 25433, timeline: 2 },
  ],
  scope: 'clu_test',
};

describe('PatroniRest', () => {
  let server: Server;
  let answer: { status: number; body: string };
  let asked: string | undefined;
  let rest: PatroniRest;

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked = request.url;
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    rest = new PatroniRest(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  const answers = (status: number, body: unknown) => {
    answer = { status, body: JSON.stringify(body) };
  };
  const signal = () => AbortSignal.timeout(1000);

  it('reads a leader and the replicas that it feeds', async () => {
    answers(200, leader);
    expect(await rest.status(signal())).toEqual({
      name: 'node-3',
      scope: 'clu_test',
      state: 'running',
      role: 'leader',
      timeline: 1,
      replicationState: null,
      walPosition: 84197680,
      feeds: [{ name: 'node-2', state: 'streaming', syncState: 'async' }],
      paused: false,
      unlocked: false,
      etcdSeenAt: new Date('2026-11-23T19:34:06.000Z'),
    });
  });

  it('reads a replica that streams, at the position that it has replayed', async () => {
    answers(200, replica);
    expect(await rest.status(signal())).toMatchObject({
      role: 'replica',
      replicationState: 'streaming',
      walPosition: 84197600,
      feeds: [],
    });
  });

  it('reads the state of a node whose PostgreSQL is down from a 503', async () => {
    answers(503, down);
    expect(await rest.status(signal())).toMatchObject({ state: 'stopped', paused: true, walPosition: null });
  });

  it('reads the members with their lag, unknown as null', async () => {
    answers(200, cluster);
    const { members } = await rest.cluster(signal());
    expect(members.map(({ name, role, lagBytes }) => [name, role, lagBytes])).toEqual([
      ['node-1', 'replica', 0],
      ['node-2', 'replica', null],
      ['node-3', 'leader', null],
    ]);
  });

  it('tells yes from no by the status code', async () => {
    answers(503, replica);
    expect(await rest.isPrimary(signal())).toBe(false);
    answers(200, replica);
    expect(await rest.isReplica(signal(), 1048576)).toBe(true);
    expect(asked).toBe('/replica?lag=1048576');
    expect(await rest.isHealthy(signal())).toBe(true);
  });

  it('refuses what is not an answer of Patroni', async () => {
    answers(200, { hello: 'world' });
    await expect(rest.status(signal())).rejects.toThrow(PatroniAnswerError);
    answer = { status: 200, body: '<html>' };
    await expect(rest.status(signal())).rejects.toThrow(PatroniAnswerError);
  });
});
