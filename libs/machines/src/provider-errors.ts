/** The provider has no machine left. Free a machine or add capacity before you retry. */
export class NoCapacity extends Error {
  override readonly name = 'NoCapacity';
  readonly code = 'no-capacity';
}

/** A machine with this name exists, but has another specification. */
export class SpecConflict extends Error {
  override readonly name = 'SpecConflict';
  readonly code = 'spec-conflict';
}

/** The provider does not see the machine off, or cannot keep it off. It may be running, or start at any time. */
export class NotOff extends Error {
  override readonly name = 'NotOff';
  readonly code = 'not-off';
}

/** The provider did not answer, or its answer makes no sense. A retry may help. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
  readonly code = 'provider-unavailable';
}

/** The provider refused the call. A retry does not help. */
export class ProviderRefused extends Error {
  override readonly name = 'ProviderRefused';
  readonly code = 'provider-refused';
}
