/**
 * For what reads the store before it is answered, and is answered with what was last known when the store is away: that takes longer than
 * requests have otherwise. Just less than the gateway itself takes.
 */
export const storeReadMs = 9_500;
