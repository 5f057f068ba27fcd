// Machines boot, elections run: a test has minutes, and says itself what is too long.
jest.setTimeout(15 * 60_000);
