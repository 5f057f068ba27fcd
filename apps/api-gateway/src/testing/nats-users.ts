export const gatewayUser = { user: 'api-gateway', password: 'gateway' };
export const adminUser = { user: 'admin', password: 'admin' };

const consume = (stream: string): string[] => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.API.CONSUMER.*.${stream}`,
  `$JS.API.CONSUMER.*.${stream}.>`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
  `$JS.ACK.${stream}.>`,
  `$JS.FC.${stream}.>`,
];

/** Gives the gateway exactly the permissions that the role `nats` gives it in production, so that specs prove that they suffice. */
const gateway = {
  publish: [
    ...['cluster-service', 'backup-service', 'healthcheck-scheduler'].map(
      (service) => `requests.${service}.>`,
    ),
    ...['$JS.API.INFO', '$JS.API.STREAM.NAMES'],
    ...['EVENTS', 'LOGS'].flatMap(consume),
  ],
  subscribe: ['requests.api-gateway.>', '_INBOX_api-gateway.>', '$JS.EVENT.ADVISORY.CONSUMER.>'],
};

const user = (name: { user: string; password: string }, permissions: object): string =>
  JSON.stringify({ ...name, permissions });

/** Lines for nats-server's configuration, which accepts JSON. */
export const natsUsers = `authorization { users: [
  ${user(gatewayUser, gateway)}
  ${user(adminUser, { publish: '>', subscribe: '>' })}
] }`;
