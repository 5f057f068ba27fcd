import type { z } from 'zod';
import type {
  Machine,
  MachineCapacity,
  MachinePower,
  MachineProvider,
  MachineSpec,
} from '../machine-provider';
import type { OutsideCalls } from '../outside-call';
import { NoCapacity, NotOff, ProviderRefused, ProviderUnavailable, SpecConflict } from '../provider-errors';
import { labdCapacity, labdFenced, labdMachine, labdMachines, labdPower, labdProblem } from './labd-answers';

export interface LabProviderOptions {
  /** Where labd listens on the bridge, e.g. `http://10.77.0.1:7070`. */
  readonly url: string;
  /** labd's token. It can create and destroy every machine of the lab, so only the service that orders machines gets it. */
  readonly token: string;
  readonly outside: OutsideCalls;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Machines of the lab, through labd's API. */
export class LabProvider implements MachineProvider {
  readonly name = 'lab';
  readonly provesPower = true;

  constructor(private readonly options: LabProviderOptions) {}

  async capacity(): Promise<MachineCapacity> {
    return (await this.ask('capacity', labdCapacity, '/capacity')).machines;
  }

  async create({ name, role, sshKeys, labels }: MachineSpec): Promise<Machine> {
    return this.ask('create', labdMachine, path(name), { method: 'PUT', body: { role, sshKeys, labels } });
  }

  /** labd answers as soon as the machine is no longer booting. `waitSeconds` must be shorter than the time limit of `outside`. */
  async get(name: string, waitSeconds = 0): Promise<Machine | null> {
    const answer = await this.send('get', `${path(name)}?wait=${waitSeconds}`);
    return answer.status === 404 ? null : parsed(labdMachine, accepted(answer));
  }

  async list(labels: Readonly<Record<string, string>> = {}): Promise<Machine[]> {
    const { machines } = await this.ask('list', labdMachines, '/machines');
    const wanted = Object.entries(labels);
    return machines.filter((machine) => wanted.every(([label, value]) => machine.labels[label] === value));
  }

  async destroy(name: string): Promise<void> {
    accepted(await this.send('destroy', path(name), { method: 'DELETE' }));
  }

  /** `unknown` for a machine that the lab does not have: its absence says nothing about a machine that it may have had. */
  async power(name: string): Promise<MachinePower> {
    const answer = await this.send('power', `${path(name)}/power`);
    return answer.status === 404 ? { state: 'unknown' } : parsed(labdPower, accepted(answer));
  }

  /** Throws NotOff for a machine that the lab does not have: its absence says nothing about a machine that it may have had. */
  async fence(name: string): Promise<void> {
    const answer = await this.setFenced('fence', name, true);
    if (answer.status === 404) throw new NotOff(refusal(answer).message);
    parsed(labdFenced, accepted(answer));
  }

  async release(name: string): Promise<void> {
    const answer = await this.setFenced('release', name, false);
    if (answer.status !== 404) accepted(answer);
  }

  private setFenced(what: string, name: string, fenced: boolean): Promise<Answer> {
    return this.send(what, `${path(name)}/fence`, { method: 'PUT', body: { fenced } });
  }

  private async ask<T extends z.ZodType>(
    what: string,
    schema: T,
    to: string,
    how?: Request,
  ): Promise<z.output<T>> {
    return parsed(schema, accepted(await this.send(what, to, how)));
  }

  private async send(what: string, to: string, { method = 'GET', body }: Request = {}): Promise<Answer> {
    const { url, token, outside } = this.options;
    try {
      return await outside.call(what, async (signal) => {
        const response = await fetch(`${url}/v1${to}`, {
          method,
          signal,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        if (response.status >= 500)
          throw new Error(`labd answered ${response.status}: ${text.slice(0, 300)}`);
        return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
      });
    } catch (error) {
      throw new ProviderUnavailable(`labd at ${url} cannot ${what}: ${reason(error)}`, { cause: error });
    }
  }
}

interface Request {
  readonly method?: 'GET' | 'PUT' | 'DELETE';
  readonly body?: unknown;
}

/** Returns the body of an answer, or throws the error for its refusal. */
function accepted(answer: Answer): unknown {
  if (answer.status < 400) return answer.body;
  const { code, message } = refusal(answer);
  if (code === 'no-capacity') throw new NoCapacity(message);
  if (code === 'machine-exists') throw new SpecConflict(message);
  if (code === 'not-off') throw new NotOff(message);
  throw new ProviderRefused(`labd refused: ${message}`);
}

function refusal({ body }: Answer): { code: string; message: string } {
  const { code, detail, remedy } = parsed(labdProblem, body);
  return { code, message: remedy ? `${detail} (${remedy})` : detail };
}

function parsed<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new ProviderUnavailable(
    `labd answered something else than expected: ${result.error.issues[0].message}`,
  );
}

/** fetch only says "fetch failed" and has the reason in `cause`. */
function reason(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } };
  return cause?.message ?? message ?? String(error);
}

function path(name: string): string {
  return `/machines/${encodeURIComponent(name)}`;
}
