import type { Watcher } from 'etcd3';

/** Ends a watch that nobody reads any more. Otherwise a closed client would reconnect it for ever. */
export const abandon = (watcher: Watcher): void => {
  watcher.removeAllListeners();
  // The listeners are gone, but a closing client may still report its end: an 'error' event without a listener would be thrown.
  watcher.on('error', () => undefined);
  watcher.cancel().catch(() => undefined);
};
