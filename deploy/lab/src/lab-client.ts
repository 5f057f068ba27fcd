import { request } from 'node:http';
import { z } from 'zod';
import { labPaths } from './lab-paths';
import {
  capacityView,
  machineView,
  powerView,
  type CapacityView,
  type MachineSpecInput,
  type MachineView,
  type PowerView,
} from './machine-api';
import { ProblemError, type Problem } from './problem';
import type { LabSettings } from './settings';

const info = z.object({ lab: z.string(), subnet: z.string(), build: z.string(), pid: z.number() });

/** No labd answers on the lab's socket. */
export class LabNotRunning extends Error {}

/** labd's API over its unix socket, typed. Throws ProblemError for a refusal, and LabNotRunning when nothing answers. */
export class LabClient {
  private readonly socket: string;

  constructor(private readonly settings: LabSettings) {
    this.socket = labPaths(settings).socket;
  }

  async info(): Promise<z.infer<typeof info>> {
    return info.parse(await this.call('GET', ''));
  }

  async capacity(): Promise<CapacityView> {
    return capacityView.parse(await this.call('GET', '/capacity'));
  }

  /** Sets how many machines the lab accepts at most. A number below the current one is allowed and only stops new machines. */
  async setCapacity(machines: number): Promise<CapacityView> {
    return capacityView.parse(await this.call('PUT', '/capacity', { machines }));
  }

  async list(): Promise<MachineView[]> {
    return z.object({ machines: z.array(machineView) }).parse(await this.call('GET', '/machines')).machines;
  }

  /** The machine; with `waitSeconds` (at most 60) it answers as soon as the machine is no longer booting. */
  async get(name: string, waitSeconds = 0): Promise<MachineView> {
    const answer = await this.call(
      'GET',
      `${machine(name)}?wait=${waitSeconds}`,
      undefined,
      (waitSeconds + 30) * 1000,
    );
    return machineView.parse(answer);
  }

  /** Creates and boots the machine, or returns the one with this name and specification. */
  async create(name: string, spec: MachineSpecInput): Promise<MachineView> {
    return machineView.parse(await this.call('PUT', machine(name), spec));
  }

  async destroy(name: string): Promise<void> {
    await this.call('DELETE', machine(name));
  }

  async power(name: string): Promise<PowerView> {
    return powerView.parse(await this.call('GET', `${machine(name)}/power`));
  }

  async setPower(name: string, state: 'on' | 'off'): Promise<PowerView> {
    return powerView.parse(await this.call('PUT', `${machine(name)}/power`, { state }));
  }

  async setNetwork(name: string, state: 'up' | 'cut'): Promise<MachineView> {
    return machineView.parse(await this.call('PUT', `${machine(name)}/network`, { state }));
  }

  async setFrozen(name: string, frozen: boolean): Promise<MachineView> {
    return machineView.parse(await this.call('PUT', `${machine(name)}/frozen`, { frozen }));
  }

  /** Fences a machine that is off, so that it cannot be switched on; or lifts the fence. */
  async setFenced(name: string, fenced: boolean): Promise<MachineView> {
    return machineView.parse(await this.call('PUT', `${machine(name)}/fence`, { fenced }));
  }

  /** What the machine has written to its console since it was created. */
  async console(name: string): Promise<string> {
    return String(await this.call('GET', `${machine(name)}/console`));
  }

  private call(method: string, path: string, body?: unknown, timeout = 60_000): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const silent = (why: string) =>
        reject(
          new LabNotRunning(
            `lab ${this.settings.lab} does not answer on ${this.socket} (${why}): npm start starts it`,
          ),
        );
      const outgoing = request(
        { socketPath: this.socket, method, path: `/v1${path}`, agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('error', (error) => silent(error.message));
          response.on('end', () => {
            const json = /json/.test(response.headers['content-type'] ?? '');
            const answer: unknown = json ? JSON.parse(text) : text;
            if ((response.statusCode ?? 500) < 400) resolve(answer);
            else reject(new ProblemError(answer as Problem));
          });
        },
      );
      outgoing.setTimeout(timeout, () => outgoing.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      outgoing.on('error', (error) => silent(error.message));
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function machine(name: string): string {
  return `/machines/${encodeURIComponent(name)}`;
}
