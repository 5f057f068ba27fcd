import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { timeLimited } from '../outside-call';
import { NotOff, ProviderRefused, ProviderUnavailable } from '../provider-errors';
import { LabProvider } from './lab-provider';

/** How the adapter handles a failing labd. Specs in deploy/lab test it against a working labd in a real lab. */
describe('LabProvider', () => {
  let server: Server;
  let answer = { status: 200, body: '' };
  let asked: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked = `${request.method} ${request.url} `;
      request.on('data', (part: Buffer) => (asked += part.toString()));
      if (answer.status > 0) request.on('end', () => response.writeHead(answer.status).end(answer.body));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const provider = (port = (server.address() as AddressInfo).port) =>
    new LabProvider({
      url: `http://127.0.0.1:${port}`,
      token: 'secret',
      // Short only where no answer comes: on a busy machine an answer may be slow.
      outside: timeLimited(answer.status > 0 ? 4000 : 200),
    });

  it.each([
    ['breaks', 500, '{"code":"internal","detail":"disk on fire"}', 'disk on fire'],
    ['answers nonsense', 200, '{"machines":"many"}', 'something else than expected'],
    ['answers no JSON', 200, '<html>', 'JSON'],
    ['does not answer', 0, '', 'timeout'],
  ])('is unavailable when labd %s', async (_what, status, body, message) => {
    answer = { status, body };
    const call = provider().capacity();
    await expect(call).rejects.toThrow(ProviderUnavailable);
    await expect(call).rejects.toThrow(message);
  });

  const notOff = '{"code":"not-off","detail":"one runs","remedy":"kill it"}';
  const notFound = '{"code":"not-found","detail":"no machine is called one"}';
  const invalid = '{"code":"invalid-input","detail":"one is no name"}';
  const broken = '{"code":"internal","detail":"disk on fire"}';

  it.each([
    ['fence', 200, '{"fenced":true}', true],
    ['release', 200, '{"fenced":false}', false],
    ['release', 404, notFound, false],
  ] as const)('is done with %s when labd answers %d', async (call, status, body, fenced) => {
    answer = { status, body };
    await provider()[call]('one');
    expect(asked).toBe(`PUT /v1/machines/one/fence {"fenced":${fenced}}`);
  });

  it.each([
    ['fence', 409, notOff, NotOff, 'one runs (kill it)'],
    ['fence', 404, notFound, NotOff, 'no machine is called one'],
    ['fence', 400, invalid, ProviderRefused, 'one is no name'],
    ['fence', 200, '{"fenced":false}', ProviderUnavailable, 'something else than expected'],
    ['fence', 200, '{}', ProviderUnavailable, 'something else than expected'],
    ['fence', 500, broken, ProviderUnavailable, 'disk on fire'],
    ['fence', 0, '', ProviderUnavailable, 'timeout'],
    ['release', 400, invalid, ProviderRefused, 'one is no name'],
    ['release', 500, broken, ProviderUnavailable, 'disk on fire'],
  ] as const)('fails to %s when labd answers %d %s', async (call, status, body, kind, message) => {
    answer = { status, body };
    const outcome = provider()[call]('one');
    await expect(outcome).rejects.toThrow(kind);
    await expect(outcome).rejects.toThrow(message);
  });

  it('is unavailable when nothing listens, and says why', async () => {
    await expect(provider(1).capacity()).rejects.toThrow(/cannot capacity.*(ECONNREFUSED|bad port)/);
  });
});
