/** The provider has no machine left: a machine must be freed, or capacity added, before it is worth trying again. */
export class NoCapacity extends Error {
  override readonly name = 'NoCapacity';
  readonly code = 'no-capacity';
}

/** A machine of this name exists and was made for something else. */
export class SpecConflict extends Error {
  override readonly name = 'SpecConflict';
  readonly code = 'spec-conflict';
}

/** The provider does not see the machine off, or cannot keep it off: it may run, or come to run, at any time. */
export class NotOff extends Error {
  override readonly name = 'NotOff';
  readonly code = 'not-off';
}

/** The provider did not answer, or not sensibly: worth trying again. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
  readonly code = 'provider-unavailable';
}

/** The provider refused the call as it was made: trying again does not help. */
export class ProviderRefused extends Error {
  override readonly name = 'ProviderRefused';
  readonly code = 'provider-refused';
}
