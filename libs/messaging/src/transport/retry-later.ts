/** Thrown by a handler that cannot do its work now, through no fault of the message: it is delivered again after `ms`. */
export class RetryLater extends Error {
  constructor(readonly ms: number) {
    super(`to be delivered again in ${ms} ms`);
    this.name = 'RetryLater';
  }
}

/** A message that can never be handled, such as one that does not match its schema: it is dead-lettered at once. */
export class Unprocessable extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Unprocessable';
  }
}

/** Another process has taken the work over in the meantime: whatever is to be said to the server of this message, it will say. */
export class LeftToOthers extends Error {
  constructor() {
    super('another process has taken it over');
    this.name = 'LeftToOthers';
  }
}
