import { listUsers, openApiDocument } from '@pgfleet/contracts';
import { GatewayPlatform, token } from './testing/gateway-platform';

describe('open pages', () => {
  let platform: GatewayPlatform;
  beforeAll(async () => {
    platform = await GatewayPlatform.start();
    platform.answers.on(listUsers, () => ({ items: [], next: null }));
  }, 120_000);
  afterAll(() => platform.stop());

  const open = async (path: string) => {
    const response = await fetch(`${platform.url}${path}`);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  it('health and metrics, with labels that have few values', async () => {
    expect((await open('/health/live')).status).toBe(200);
    await platform.call('GET', '/users');
    await platform.call('GET', '/users/nobody');
    await platform.call('GET', '/made/up');
    const { status, text } = await open('/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(
      /pgfleet_http_request_seconds_count\{.*method="GET",route="\/users",status="200".*\} 1/,
    );
    expect(text).toMatch(/route="\/users\/\{userId\}",status="400"/);
    expect(text).toMatch(/route="unmatched",status="404"/);
    expect(text).not.toContain('made/up');
  });

  it('the OpenAPI document comes from the contracts', async () => {
    expect(JSON.parse((await open('/openapi.json')).text)).toEqual(openApiDocument());
  });

  it('the documentation page loads nothing from elsewhere', async () => {
    const page = await open('/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
    // The content security policy would block inline scripts.
    expect(page.text).not.toMatch(/<script>|<script [^>]*>[^<]*\S[^<]*<\/script>/);
    const assets = [...page.text.matchAll(/(?:src|href)="(?:\.\/)?([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      const { status, text } = await open(`/${asset.replace(/^\//, '')}`);
      expect([asset, status]).toEqual([asset, 200]);
      expect(text.length).toBeGreaterThan(100);
    }
    const init = await open('/docs/swagger-ui-init.js');
    expect(init.text).toContain('createCluster');
  });

  it('every token of the file opens the other routes, whatever the case of the scheme', async () => {
    const get = (authorization: string) => fetch(`${platform.url}/users`, { headers: { authorization } });
    expect((await get(`Bearer ${token}`)).status).toBe(200);
    expect((await get(`bearer  ${token}`)).status).toBe(200);
    expect((await get('Bearer another-0123456789abcdef')).status).toBe(200);
    const wrong = await get('Bearer another-0123456789abcdeg');
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="pgfleet", error="invalid_token"',
    ]);
  });

  it('OPTIONS says what a route allows', async () => {
    const answer = await fetch(`${platform.url}/clusters`, { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([204, 'POST, GET, HEAD, OPTIONS']);
  });
});
