/** What goes over the wire: JSON, limited so that NATS's 1 MiB per message is never met in the middle of a relay. */
export const maxMessageBytes = 900 * 1024;

export const encodeMessage = (subject: string, payload: unknown): string => {
  const text = JSON.stringify(payload);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxMessageBytes) {
    throw new Error(`A message on ${subject} has ${bytes} bytes; the limit is ${maxMessageBytes}`);
  }
  return text;
};
