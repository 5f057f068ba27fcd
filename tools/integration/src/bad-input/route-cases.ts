import { type ApiDocument, type BadInput, type Endpoint, spoil } from './bad-input';

const verbs = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'LINK', 'MOVE', 'QUERY'];

/** For every path, every method that the document does not list for it. */
export const methodCases = (endpoints: readonly Endpoint[], document: ApiDocument): BadInput[] => {
  const onePerPath = endpoints.filter(
    ({ template }, at) => endpoints.findIndex((e) => e.template === template) === at,
  );
  return onePerPath.flatMap((endpoint) =>
    verbs
      .filter((verb) => !(verb.toLowerCase() in (document.paths[endpoint.template] ?? {})))
      .map((verb) =>
        spoil({ ...endpoint, label: endpoint.template, body: undefined }, `method ${verb}`, [405], {
          method: verb,
        }),
      ),
  );
};

/** Paths similar to the existing ones, derived from each of them. */
export const nearbyPaths = (endpoint: Endpoint): BadInput[] => {
  const near = (what: string, path: string, expect = [404]) => spoil(endpoint, what, expect, { path });
  return [
    near('a slash at the end', `${endpoint.path}/`),
    near('a slash too many at the beginning', `/${endpoint.path}`),
    near(
      'upper case',
      endpoint.path.replace(/^\/\w+/, (word) => word.toUpperCase()),
    ),
    near(
      'a segment too many',
      `${endpoint.path}/x`,
      endpoint.template.endsWith('s') ? [404, 400, 405] : [404],
    ),
    near('a version before it', `/v1${endpoint.path}`),
    near('a dot segment before it', `/.${endpoint.path}`),
    near('a dot segment that leads back', `/x/..${endpoint.path}`),
    near('an encoded first letter that is a NUL', `/%00${endpoint.path.slice(1)}`),
    near('a backslash before it', `/\\${endpoint.path.slice(1)}`),
    near('a fragment in it', `${endpoint.path}%23x/y`, [400, 404]),
    near('a URL of 3000 characters', `${endpoint.path}?${'a'.repeat(3000)}`, [414]),
    near('a URL of 20000 characters', `${endpoint.path}?${'a'.repeat(20_000)}`, [431]),
  ];
};

/** Paths that have nothing to do with the API, as scanners try them. */
export const strangePaths = (token: string): BadInput[] =>
  [
    '/',
    '/nothing',
    '/.env',
    '/%',
    '/%00',
    '/%zz',
    '/%ff',
    '/*',
    '/..%2f..%2fetc%2fpasswd',
    '/__proto__',
    '/constructor',
  ]
    .concat([
      '/docs/../../../../etc/passwd',
      '/docs/..%2f..%2fpackage.json',
      '/docs/%00',
      '/docs/%zz',
      '/docs/nothing.js',
    ])
    .flatMap((path) =>
      ['GET', 'POST', 'DELETE'].map((method) => ({
        name: `${method} of the path ${path}`,
        method,
        path,
        headers: { authorization: `Bearer ${token}` },
        expectStatus: [400, 403, 404, 405],
      })),
    );
