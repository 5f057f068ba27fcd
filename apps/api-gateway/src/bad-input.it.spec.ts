import { Agent } from 'node:http';
import { openApiDocument } from '@pgfleet/contracts';
import { type ApiDocument, type BadInput, badInputs, judgeRefusal, sendBadInput } from '@pgfleet/integration';
import { GatewayPlatform, token } from './testing/gateway-platform';

/** Sends every endpoint and method inputs that it does not allow. The services know no ids, so they answer 404. */
describe('bad input', () => {
  let platform: GatewayPlatform;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const cases = badInputs(openApiDocument() as unknown as ApiDocument, token);

  beforeAll(async () => {
    platform = await GatewayPlatform.start();
  }, 120_000);
  afterAll(async () => {
    agent.destroy();
    await platform.stop();
  });

  const groups = new Map<string, BadInput[]>();
  for (const bad of cases) {
    const [label = ''] = bad.name.split(':');
    const group = label.includes(' of the path ') ? 'strange paths' : label;
    groups.set(group, [...(groups.get(group) ?? []), bad]);
  }

  it('is generated for every endpoint', () => {
    expect(cases.length).toBeGreaterThan(2000);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    const paths = Object.entries(openApiDocument().paths);
    for (const [path, operations] of paths) {
      for (const method of Object.keys(operations))
        expect(groups.has(`${method.toUpperCase()} ${path}`)).toBe(true);
    }
  });

  it.each([...groups].map(([group, bad]) => [group, bad.length, bad] as const))(
    '%s: %d requests, each is refused with a problem that helps',
    async (_group, _count, bad) => {
      const judged = await Promise.all(
        bad.map(async (each) => {
          const answer = await sendBadInput(platform.url, each, agent).catch((error: Error) => error);
          const verdict =
            answer instanceof Error ? `no answer: ${answer.message}` : judgeRefusal(each, answer);
          return verdict === null ? [] : [`${each.name} → ${verdict}`];
        }),
      );
      expect(judged.flat()).toEqual([]);
    },
    60_000,
  );

  it('changed nothing: only requests with unknown ids reached a use case that changes something', () => {
    const changing = platform.answers.asked.filter(({ contract }) => /^(create|update)/.test(contract.name));
    const reached = changing.filter(({ input }) => !JSON.stringify(input).includes('0197ffff'));
    expect(reached).toEqual([]);
  });
});
