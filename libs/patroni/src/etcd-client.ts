import { circuitBreaker, ConsecutiveBreaker, ConstantBackoff, handleWhen, retry } from 'cockatiel';
import { Etcd3, isRecoverableError } from 'etcd3';

export interface EtcdAccess {
  /** Client URLs of the members. */
  hosts: string[];
  /** Omitted where etcd has no users. */
  auth?: { username: string; password: string };
  /** PEM of the CA that signed the members' certificates. */
  ca?: string;
}

/**
 * How long one member may take to answer before the client asks the next. A member that lost power stays silent, and three
 * members have to fit into the five seconds that a request to a service may take.
 */
const answerWithinMs = 1500;

/**
 * Pings let a client notice that a member is gone: without them a dead connection stays silent until TCP gives up, minutes later.
 * etcd closes connections that ping more often than every 5 s (`--grpc-keepalive-min-time`).
 */
const keepalive = {
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.keepalive_permit_without_calls': 1,
};

/**
 * Any change of a user or role, of any cluster, makes etcd refuse the requests that it has not applied yet. Such a request had no
 * effect. etcd's own client repeats it, too.
 * @see https://github.com/etcd-io/etcd/blob/v3.5.16/client/v3/retry_interceptor.go
 */
const isOldAuthRevision = (error: Error): boolean => error.message.includes('revision of auth store is old');

/** Creates an etcd client that survives the loss of a member: it asks the next member and avoids the silent one for a while. */
export const etcdClient = ({ hosts, auth, ca }: EtcdAccess): Etcd3 =>
  new Etcd3({
    hosts,
    ...(auth && { auth }),
    ...(ca && { credentials: { rootCertificate: Buffer.from(ca) } }),
    grpcOptions: keepalive,
    // Called for each attempt, logins included.
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + answerWithinMs }),
    faultHandling: {
      global: retry(
        handleWhen((error) => isRecoverableError(error) || isOldAuthRevision(error)),
        { maxAttempts: 3, backoff: new ConstantBackoff(20) },
      ),
      host: () =>
        circuitBreaker(handleWhen(isRecoverableError), {
          halfOpenAfter: 5000,
          breaker: new ConsecutiveBreaker(2),
        }),
    },
  });
