import { type ApiDocument, type BadInput, type Endpoint, spoil } from './bad-input';
import { hostileSegments } from './hostile-values';
import { allows, resolve } from './schema-check';

const unknownId = '0197ffff-ffff-7fff-bfff-ffffffffffff';

/** Requests without a valid token. */
export const tokenCases = (endpoint: Endpoint): BadInput[] => {
  if (!endpoint.needsToken) return [];
  const own = endpoint.headers.authorization ?? '';
  const given: Record<string, string | undefined> = {
    'no token': undefined,
    'an empty header': '',
    'a token that is not ours': 'Bearer 0123456789abcdef0123456789abcdef',
    'a scheme without a token': 'Bearer',
    'another scheme': `Basic ${Buffer.from('admin:admin').toString('base64')}`,
    'a token without its scheme': own.replace('Bearer ', ''),
    'a token with a letter too many': `${own}x`,
    'a token with a letter too few': own.slice(0, -1),
    'two tokens': `${own} ${own.replace('Bearer ', '')}`,
    'a token in other case': own.replace('Bearer ', 'Bearer x').toUpperCase(),
    'a very long token': `Bearer ${'a'.repeat(8000)}`,
    'a token that is not ASCII': 'Bearer \u00e9\u00e8',
  };
  return Object.entries(given).map(([what, authorization]) =>
    spoil(endpoint, what, [401], { headers: { authorization } }),
  );
};

/** Invalid ids in every place of the path that has one, and a valid id that does not exist. */
export const pathCases = (endpoint: Endpoint): BadInput[] => {
  const parameters = (endpoint.operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
  return parameters.flatMap(({ name, schema }) => {
    const example = String((schema.examples as unknown[])[0]);
    const segments = {
      ...hostileSegments,
      'an id with a blank before it': `%20${example}`,
      'an id with a line feed after it': `${example}%0a`,
      'an id with a quote after it': `${example}'`,
      'an id that is one letter short': example.slice(0, -1),
    };
    const refused = (cases: Record<string, string>): BadInput[] =>
      Object.entries(cases).map(([what, segment]) =>
        spoil(endpoint, `${name} is ${what}`, [400], { path: endpoint.path.replace(example, segment) }),
      );
    const prefix = /^([a-z]+)_/.exec(example)?.[1];
    // A name that pgfleet does not assign, such as a backup's label, has another form.
    if (prefix === undefined) return refused(segments);
    return [
      ...refused({
        ...segments,
        'an id in upper case': example.toUpperCase(),
        'an id that is no UUIDv7': `${prefix}_01979a3c-5f7e-4c11-8d2a-3b9f6c1e0a55`,
      }),
      spoil(endpoint, `${name} is nobody's`, [404], {
        path: endpoint.path.replace(example, `${prefix}_${unknownId}`),
      }),
    ];
  });
};

const queryValues: Record<string, string> = {
  nothing: '',
  'a word': 'abc',
  'a negative number': '-1',
  zero: '0',
  'a fraction': '1.5',
  'a huge number': '9'.repeat(30),
  'a number with an exponent': '1e9',
  'not a number': 'NaN',
  'an infinity': 'Infinity',
  'an SQL injection': '1;DROP%20TABLE%20cluster;--',
  'a quote': "'",
  'a NUL': '%00',
  'a line feed': '%0a',
  'bytes that are not UTF-8': '%ff%fe',
  'an encoding that is none': '%zz',
  'an object': '[object%20Object]',
  'a long word': 'a'.repeat(1000),
};

/** Query parameters that are unknown, wrong, or repeated. */
export const queryCases = (endpoint: Endpoint, document: ApiDocument): BadInput[] => {
  if (!endpoint.needsToken) return [];
  const ask = (what: string, query: string) =>
    spoil(endpoint, what, [400], { path: `${endpoint.path}?${query}` });
  const known = (endpoint.operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  return [
    ask('an unknown parameter', 'unknown=1'),
    ask('a parameter without a name', '=1'),
    ask('__proto__ as a parameter', '__proto__=1'),
    ask('__proto__ in a parameter', '__proto__[isAdmin]=1'),
    ask('constructor as a parameter', 'constructor[prototype][isAdmin]=1'),
    ask('a token in the query', 'access_token=x'),
    ask('a thousand and a half parameters', 'a&'.repeat(500)),
    ...known.flatMap(({ name, schema }) => {
      const numeric = [resolve(schema, document).type]
        .flat()
        .some((type) => type === 'integer' || type === 'number');
      const wrong = Object.entries(queryValues).filter(([, text]) => {
        const value = numeric && text !== '' ? Number(text) : decode(text);
        return !allows(schema, value, document);
      });
      return [
        ...wrong.map(([what, value]) => ask(`${name} is ${what}`, `${name}=${value}`)),
        ask(`${name} twice`, `${name}=1&${name}=2`),
        ask(`${name} as a list`, `${name}[]=1`),
        ask(`${name} as an object`, `${name}[x]=1`),
      ];
    }),
  ];
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Invalid values of the endpoint's own headers. */
export const headerCases = (endpoint: Endpoint, document: ApiDocument): BadInput[] => {
  const values: Record<string, string | string[]> = {
    nothing: '',
    'not ASCII': 'caf\u00e9',
    'a tab in it': 'a\tb',
    'a key of 256 characters': 'k'.repeat(256),
    'a key of 5000 characters': 'k'.repeat(5000),
    'two of them': ['1', '2'],
    'a word': 'abc',
    'a negative number': '-1',
    'a fraction': '1.5',
  };
  const known = (endpoint.operation.parameters ?? []).filter((parameter) => parameter.in === 'header');
  return known.flatMap(({ name, schema }) =>
    Object.entries(values)
      .filter(([, value]) => typeof value !== 'string' || !allows(schema, value, document))
      .map(([what, value]) => spoil(endpoint, `${name} is ${what}`, [400], { headers: { [name]: value } })),
  );
};
