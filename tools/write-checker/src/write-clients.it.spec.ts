import { setTimeout as pause } from 'node:timers/promises';
import { eventually, startServices, type Services } from '@pgfleet/integration';
import { Client } from 'pg';
import { type Attempt, checkWrites, explain, WriteClients } from './index';

describe('write clients of a real server', () => {
  let services: Services;
  const sql = <Row>(statement: string) => services.postgres.query<Row>(statement, 'postgres');
  const checked = async (clients: WriteClients) =>
    checkWrites({ log: clients.log, rows: await clients.rows() });

  beforeAll(async () => {
    services = await startServices({ postgres: true });
  }, 60_000);
  afterAll(() => services?.stop());

  describe.each(['once', 'every-write'] as const)('that connect %s', (connect) => {
    let clients: WriteClients;
    let killedAt: number;
    let before: number;

    beforeAll(async () => {
      clients = new WriteClients(services.postgres.url(), { connect });
      await clients.start();
      await pause(1000);
      await eventually(() => expect(ended(clients, 'acknowledged')).toBeGreaterThan(20));
      killedAt = Date.now();
      before = ended(clients, 'acknowledged');
      await services.postgres.kill();
      await services.postgres.start();
      await pause(1000);
      await eventually(() => expect(ended(clients, 'acknowledged')).toBeGreaterThan(before + 20));
      await clients.stop();
    }, 60_000);

    it('lose no row when the server is killed and comes back', async () => {
      const verdict = await checked(clients);
      expect(explain(verdict)).toHaveLength(1);
      expect(verdict.ok).toBe(true);
      const servers = new Set((await clients.rows()).map(({ server, timeline }) => `${server} ${timeline}`));
      expect([...servers]).toEqual(['127.0.0.1 00000001']);
    });

    it('know what they did not get: lost connections, errors, the gap', () => {
      expect(clients.disconnects).toBeGreaterThanOrEqual(connect === 'once' ? 4 : 0);
      expect(clients.errors.some(({ during }) => during === 'connecting')).toBe(true);
      const gap = clients.worstGap();
      expect(gap).toMatchObject({ over: true });
      expect(gap.from).toBeGreaterThan(killedAt - 500);
      expect(gap.from).toBeLessThan(killedAt + 500);
      expect(clients.gapAcross(gap.from)).toEqual(gap);
      expect(clients.worstGap({ to: killedAt - 500 }).ms).toBeLessThan(gap.ms);
    });

    it('never send a number twice', () => {
      const numbers = clients.log.map(({ client, row }) => `${client} ${row}`);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(new Set(clients.log.map(({ client }) => client)).size).toBe(4);
    });

    it('prove that rows were taken away, doubled and added', async () => {
      const [gone, twice] = clients.log
        .filter(({ outcome }) => outcome === 'acknowledged')
        .map(({ client, row }) => ({ client, row }));
      await sql(`DELETE FROM write_check WHERE client = ${gone?.client} AND row = ${gone?.row}`);
      await sql(
        `INSERT INTO write_check SELECT * FROM write_check WHERE client = ${twice?.client} AND row = ${twice?.row}`,
      );
      await sql(`INSERT INTO write_check VALUES (3, 1000000, '127.0.0.1', '00000001')`);
      await sql(`INSERT INTO write_check VALUES (3, 1000001, '127.0.0.2', '00000001')`);
      expect(await checked(clients)).toMatchObject({
        ok: false,
        lost: [gone],
        duplicated: [{ ...twice, times: 2 }],
        strangers: [{ row: 1000000 }, { row: 1000001 }],
        doubleLeaders: [{ timeline: '00000001', servers: ['127.0.0.1', '127.0.0.2'] }],
      });
    });
  });

  it('note refusals while the server takes no writes', async () => {
    const clients = new WriteClients(services.postgres.url(), { clients: 2, pauseMs: 5 });
    await clients.start();
    await sql('ALTER SYSTEM SET default_transaction_read_only = on');
    await sql('SELECT pg_reload_conf()');
    await eventually(() => expect(ended(clients, 'refused')).toBeGreaterThan(3));
    await sql('ALTER SYSTEM RESET default_transaction_read_only');
    await sql('SELECT pg_reload_conf()');
    const refused = ended(clients, 'refused');
    await eventually(() => expect(clients.log.length - refused).toBeGreaterThan(20));
    await clients.stop();
    expect(await checked(clients)).toMatchObject({ ok: true, unknown: 0 });
    expect(clients.errors[0]).toMatchObject({
      during: 'writing',
      message: 'cannot execute INSERT in a read-only transaction',
    });
    expect(clients.disconnects).toBe(0);
  }, 30_000);

  it('give up on a write that is not answered, and accept that it is there later', async () => {
    const clients = new WriteClients(services.postgres.url(), { clients: 2, timeoutMs: 300 });
    await clients.start();
    await eventually(() => expect(clients.log.length).toBeGreaterThan(3));
    const other = new Client(services.postgres.url());
    await other.connect();
    await other.query('BEGIN; LOCK TABLE write_check');
    await eventually(() => expect(ended(clients, 'unknown')).toBeGreaterThan(3));
    await clients.stop();
    await other.query('COMMIT');
    await other.end();
    expect(clients.worstGap()).toMatchObject({ over: false });
    expect(clients.worstGap().ms).toBeGreaterThan(500);
    expect(clients.disconnects).toBe(ended(clients, 'unknown'));
    await eventually(async () => expect((await clients.rows()).length).toBe(clients.log.length));
    expect((await checked(clients)).ok).toBe(true);
  }, 30_000);
});

const ended = ({ log }: WriteClients, outcome: Attempt['outcome']): number =>
  log.filter((attempt) => attempt.outcome === outcome).length;
