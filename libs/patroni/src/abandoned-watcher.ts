import type { Watcher } from 'etcd3';

/** Ends a watch that nobody reads any more. One that is not cancelled would be connected again for ever, by a client that is closed. */
export const abandon = (watcher: Watcher): void => {
  watcher.removeAllListeners();
  // Listeners are gone, yet a client that is closing may still report its end: an unheard 'error' event would be thrown.
  watcher.on('error', () => undefined);
  watcher.cancel().catch(() => undefined);
};
