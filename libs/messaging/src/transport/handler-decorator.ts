/** A decorator for methods that can be called as `Handler`; it fails to compile on others. */
export type HandlerDecorator<Handler> = <Method extends Handler>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;
