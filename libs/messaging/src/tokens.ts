/** The connection to NATS; inject it as `@Inject(NATS) nats: NatsConnection`. */
export const NATS = Symbol('NATS');
/** The name of the service that this process is a replica of. */
export const SERVICE = Symbol('SERVICE');
/** Nest's id of our transport: `@OnEvent` and `@OnWork` handlers belong to it. */
export const JETSTREAM = Symbol('JETSTREAM');

/** Where this service's user of NATS may listen for answers. */
export const INBOX_PREFIX = Symbol('INBOX_PREFIX');
