import { endpointCatalogue } from '@pgfleet/contracts';
import { findRoute } from './route-table';

const id = 'clu_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55';

describe('findRoute', () => {
  it('finds every endpoint by a path of its template', () => {
    for (const { path, method } of endpointCatalogue) {
      const route = findRoute(path.replaceAll(/\{\w+\}/g, id));
      expect(route?.template).toBe(path);
      expect(route?.methods).toContain(method);
    }
  });

  it('asks for a token everywhere but at health, metrics and documentation', () => {
    const open = endpointCatalogue.filter(({ path }) => !findRoute(path)?.needsToken).map(({ path }) => path);
    expect(open.sort()).toEqual(['/health/live', '/health/ready', '/metrics', '/openapi.json']);
    expect(findRoute('/docs/swagger-ui.css')?.needsToken).toBe(false);
  });

  it.each([
    '/',
    '/clusters/',
    '//clusters',
    '/Clusters',
    `/clusters/${id}/`,
    '/clusters//health',
    '/openapixjson',
    '/docsx',
  ])('finds nothing at %s', (path) => expect(findRoute(path)).toBeNull());
});
