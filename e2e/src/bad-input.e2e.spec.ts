import { Agent } from 'node:http';
import { type ApiDocument, type BadInput, badInputs, judgeRefusal, sendBadInput } from './bad-input';
import { testPlatform, type TestPlatform } from './platform';

/** Sends the requests of the gateway's own spec, generated from the document that the platform serves, to the real services. */
describe('bad input to every endpoint', () => {
  let platform: TestPlatform;
  let cases: BadInput[];
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });

  beforeAll(async () => {
    platform = await testPlatform();
    const { url, token } = platform.api.address;
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as ApiDocument;
    cases = badInputs(document, token);
  });
  afterAll(() => agent.destroy());

  /** What bad input must not change. */
  const state = async () => {
    const [users, clusters] = [await platform.api.users(), await platform.api.clusters()];
    return {
      users: users.items.map(({ id, updatedAt }) => [id, updatedAt]),
      clusters: clusters.items.map(({ id, name }) => [id, name]),
    };
  };

  it('is a 4xx problem that helps, and nothing else; nothing is made or changed', async () => {
    const before = await state();
    expect(cases.length).toBeGreaterThan(2000);
    const verdicts = await Promise.all(
      cases.map(async (bad) => {
        const answer = await sendBadInput(platform.api.address.url, bad, agent).catch(
          (error: Error) => error,
        );
        const verdict = answer instanceof Error ? `no answer: ${answer.message}` : judgeRefusal(bad, answer);
        return verdict === null ? [] : [`${bad.name} → ${verdict}`];
      }),
    );
    expect(verdicts.flat()).toEqual([]);
    expect(await state()).toEqual(before);
  }, 300_000);
});
