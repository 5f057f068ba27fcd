// Machines boot and elections run: a test gets minutes and decides itself what is too long.
jest.setTimeout(15 * 60_000);
