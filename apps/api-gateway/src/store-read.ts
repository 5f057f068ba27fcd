/**
 * Timeout of requests that read the repository first, and answer with the last known state if it is down. They need more time than other
 * requests. Must stay below the time limit of the gateway.
 */
export const storeReadMs = 9_500;
