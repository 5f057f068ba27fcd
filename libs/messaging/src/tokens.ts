/** The connection to NATS; inject it as `@Inject(NATS) nats: NatsConnection`. */
export const NATS = Symbol('NATS');
/** The name of the service that this process is a replica of. */
export const SERVICE = Symbol('SERVICE');
/** Nest's id of our transport: `@OnEvent` and `@OnWork` handlers belong to it. */
export const JETSTREAM = Symbol('JETSTREAM');
