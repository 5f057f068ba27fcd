import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import type { BadInput } from './bad-input';

export interface RefusedWith {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const timeoutMs = 20_000;

/** Sends the request unchanged: `fetch` would correct paths and headers. */
export const sendBadInput = (baseUrl: string, bad: BadInput, agent?: Agent): Promise<RefusedWith> =>
  bad.raw === undefined ? sendRequest(baseUrl, bad, agent) : sendRaw(baseUrl, bad.raw);

const sendRequest = (baseUrl: string, bad: BadInput, agent?: Agent): Promise<RefusedWith> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(baseUrl);
    const { method, path, body } = bad;
    const chunked = bad.headers['transfer-encoding'] !== undefined;
    const headers = {
      ...bad.headers,
      ...(body !== undefined && !chunked && { 'content-length': String(Buffer.byteLength(body)) }),
    };
    const options = {
      hostname,
      port,
      method,
      path,
      headers: headers as Record<string, string | string[]>,
      agent,
    };
    const sent = request({ ...options, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end(body);
  });

const sendRaw = (baseUrl: string, raw: string): Promise<RefusedWith> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(baseUrl);
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(raw, 'latin1'));
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(new Error(`no end of the answer: ${text.slice(0, 200)}`)),
    );
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    socket.on('error', reject);
    socket.on('close', () => resolve(parseAnswer(text)));
  });

const parseAnswer = (text: string): RefusedWith => {
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
  const [status = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((each) => [
      each.slice(0, each.indexOf(':')).toLowerCase(),
      each.slice(each.indexOf(':') + 1).trim(),
    ]),
  );
  return { status: Number(status.split(' ')[1] ?? 0), headers, body };
};
