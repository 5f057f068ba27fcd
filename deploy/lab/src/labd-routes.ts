import { existsSync } from 'node:fs';
import express, { type Request, type Response, type Router } from 'express';
import { z } from 'zod';
import type { Hypervisor } from './hypervisor';
import type { Machine } from './machine';
import {
  capacityChange,
  fenceSwitch,
  frozenSwitch,
  machineName,
  machineSpec,
  networkSwitch,
  powerSwitch,
  waitQuery,
} from './machine-api';
import { invalidInput } from './problem';

/** What labd reports about itself under `GET /v1`. */
export interface LabdInfo {
  readonly lab: string;
  readonly subnet: string;
  readonly build: string;
  readonly pid: number;
}

/** labd's API. Each route parses its input, calls the hypervisor, and translates the outcome. */
export function labdRoutes(hypervisor: Hypervisor, info: LabdInfo): Router {
  const routes = express.Router();
  const named = (request: Request): Machine =>
    hypervisor.get(parse(machineName, request.params.name, 'path/name'));

  routes.get('/', (_request, response) => void response.json(info));
  routes.get('/capacity', (_request, response) => void response.json(hypervisor.capacity));
  routes.put('/capacity', (request, response) => {
    hypervisor.setCapacity(parse(capacityChange, request.body).machines);
    response.json(hypervisor.capacity);
  });

  routes.get('/machines', (_request, response) => {
    response.json({ machines: hypervisor.list().map((machine) => machine.view) });
  });
  routes.get('/machines/:name', async (request, response) => {
    const machine = named(request);
    await machine.settled(parse(waitQuery, request.query, 'query').wait * 1000);
    response.json(machine.view);
  });
  routes.put('/machines/:name', async (request, response) => {
    const name = parse(machineName, request.params.name, 'path/name');
    const { machine, created } = await hypervisor.create(name, parse(machineSpec, request.body));
    response.status(created ? 201 : 200).json(machine.view);
  });
  routes.delete('/machines/:name', async (request, response) => {
    await hypervisor.destroy(parse(machineName, request.params.name, 'path/name'));
    response.status(204).end();
  });

  routes.get('/machines/:name/power', (request, response) => void response.json(named(request).power));
  routes.put('/machines/:name/power', async (request, response) => {
    const machine = named(request);
    const { state } = parse(powerSwitch, request.body);
    await (state === 'on' ? machine.powerOn() : machine.powerOff());
    response.json(machine.power);
  });
  routes.put('/machines/:name/network', async (request, response) => {
    const machine = named(request);
    await machine.setNetwork(parse(networkSwitch, request.body).state);
    response.json(machine.view);
  });
  routes.put('/machines/:name/frozen', async (request, response) => {
    const machine = named(request);
    await machine.setFrozen(parse(frozenSwitch, request.body).frozen);
    response.json(machine.view);
  });
  routes.put('/machines/:name/fence', async (request, response) => {
    const machine = named(request);
    await machine.setFenced(parse(fenceSwitch, request.body).fenced);
    response.json(machine.view);
  });
  routes.get('/machines/:name/console', (request, response) => sendConsole(named(request), response));
  return routes;
}

function sendConsole(machine: Machine, response: Response): void {
  response.type('text/plain');
  if (existsSync(machine.paths.console)) response.sendFile(machine.paths.console, { dotfiles: 'allow' });
  else response.send('');
}

function parse<T extends z.ZodType>(schema: T, value: unknown, where = ''): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({
    path: [where, ...path].join('/'),
    message,
  }));
  throw invalidInput(errors.map(({ path, message }) => `${path || 'body'}: ${message}`).join('; '), {
    errors,
  });
}
