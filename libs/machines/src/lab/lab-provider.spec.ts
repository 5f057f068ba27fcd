import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { timeLimited } from '../outside-call';
import { ProviderUnavailable } from '../provider-errors';
import { LabProvider } from './lab-provider';

/** How the adapter takes a labd that fails. How it works with one that does not is tested on a real lab, in deploy/lab. */
describe('LabProvider', () => {
  let server: Server;
  let answer: { status: number; body: string };

  beforeAll(async () => {
    server = createServer((_request, response) => {
      if (answer.status > 0) response.writeHead(answer.status).end(answer.body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const provider = (port = (server.address() as AddressInfo).port) =>
    new LabProvider({ url: `http://127.0.0.1:${port}`, token: 'secret', outside: timeLimited(200) });

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

  it('is unavailable when nothing listens, and says why', async () => {
    await expect(provider(1).capacity()).rejects.toThrow(/cannot capacity.*(ECONNREFUSED|bad port)/);
  });
});
