import { endpointCatalogue, type EndpointContract } from '@pgfleet/contracts';

/** A path that the gateway serves, with its methods. */
export interface Route {
  readonly template: string;
  readonly methods: readonly string[];
  /** False if all its endpoints are open. */
  readonly needsToken: boolean;
}

const docs: Route = { template: '/docs', methods: ['GET'], needsToken: false };

const pattern = (template: string): RegExp =>
  new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);

const endpointsByPath = new Map<string, EndpointContract[]>();
for (const endpoint of endpointCatalogue) {
  endpointsByPath.set(endpoint.path, [...(endpointsByPath.get(endpoint.path) ?? []), endpoint]);
}
const table = [...endpointsByPath].map(([template, endpoints]) => ({
  pattern: pattern(template),
  route: {
    template,
    methods: endpoints.map(({ method }) => method),
    needsToken: endpoints.some(({ open }) => !open),
  } satisfies Route,
}));

/** Finds the route of a request's path, or null. Exact: case matters, no trailing slash, no empty segments. */
export const findRoute = (path: string): Route | null => {
  if (path === '/docs' || path.startsWith('/docs/')) return docs;
  return table.find((entry) => entry.pattern.test(path))?.route ?? null;
};
