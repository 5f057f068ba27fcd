import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { runLabCommand } from './lab-command';
import { labdApp } from './labd-app';
import { notOff } from './problem';

const verbs = [
  'ls',
  'boot',
  'kill',
  'fence',
  'unfence',
  'cut',
  'heal',
  'freeze',
  'thaw',
  'ssh',
  'logs',
  'rm',
];

describe('npm run lab', () => {
  let said: string;
  const listen = (stream: NodeJS.WriteStream) =>
    jest.spyOn(stream, 'write').mockImplementation((text) => ((said += String(text)), true));

  beforeEach(() => {
    said = '';
    process.env.PGFLEET_LAB = 'nolab';
    process.env.PGFLEET_STATE = '/nonexistent/pgfleet-lab';
    listen(process.stdout);
    listen(process.stderr);
    jest.spyOn(console, 'error').mockImplementation((line: string) => (said += line));
  });
  afterEach(() => jest.restoreAllMocks());
  const { PGFLEET_LAB, PGFLEET_STATE } = process.env;
  afterAll(() => Object.assign(process.env, { PGFLEET_LAB, PGFLEET_STATE }));

  it('shows its verbs', async () => {
    expect(await runLabCommand(['--help'])).toBe(0);
    for (const verb of verbs) {
      expect(said).toMatch(new RegExp(`^  ${verb} `, 'm'));
    }
  });

  it.each([
    [['frob'], "unknown command 'frob'"],
    [['kill'], "missing required argument 'name'"],
    [['fence'], "missing required argument 'name'"],
    [['unfence'], "missing required argument 'name'"],
  ])('answers %j with one line and exit code 2', async (args, message) => {
    expect(await runLabCommand(args)).toBe(2);
    expect(said).toContain(message);
  });

  it('says in one line that no lab runs, with exit code 1', async () => {
    expect(await runLabCommand(['ls'])).toBe(1);
    expect(said).toMatch(/^lab: lab nolab does not answer/);
    expect(said).not.toContain('\n');
  });
});

describe('npm run lab, with a lab', () => {
  const machine = {
    name: 'one',
    role: 'node',
    address: '10.0.0.10',
    network: 'up',
    hostKey: '',
    createdAt: '',
  };
  let dir: string;
  let server: Server;
  let said: string[];
  let state: 'off' | 'running';
  let fenced: boolean;
  const { PGFLEET_LAB, PGFLEET_STATE } = process.env;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lab-'));
    Object.assign(process.env, { PGFLEET_LAB: 'fake', PGFLEET_STATE: dir });
    const routes = express.Router();
    const view = () => ({ ...machine, state, fenced, labels: {} });
    routes.get('/', (_request, response) => {
      response.json({ lab: 'fake', subnet: '10.0.0.0/24', build: '', pid: 1 });
    });
    routes.get('/machines', (_request, response) => void response.json({ machines: [view()] }));
    routes.put('/machines/one/fence', (request, response) => {
      ({ fenced } = request.body as { fenced: boolean });
      if (fenced && state !== 'off') throw notOff('one runs', { remedy: 'kill it' });
      response.json(view());
    });
    server = createServer(labdApp(routes)).listen(join(dir, 'labd.sock'));
    await once(server, 'listening');
  });
  afterAll(() => {
    server.close();
    rmSync(dir, { recursive: true });
    Object.assign(process.env, { PGFLEET_LAB, PGFLEET_STATE });
  });
  beforeEach(() => {
    said = [];
    state = 'off';
    fenced = false;
    // labd, which is this process too, logs every change.
    const say = (line: string) => void (/ PUT \//.test(line) || said.push(line));
    jest.spyOn(console, 'log').mockImplementation(say);
    jest.spyOn(console, 'error').mockImplementation(say);
  });
  afterEach(() => jest.restoreAllMocks());

  it('fences and releases a machine, and lists which one is fenced', async () => {
    expect(await runLabCommand(['fence', 'one'])).toBe(0);
    expect(await runLabCommand(['ls'])).toBe(0);
    expect(await runLabCommand(['unfence', 'one'])).toBe(0);
    expect(said).toEqual([
      'one 10.0.0.10 off fenced',
      'NAME  ADDRESS    STATE  NETWORK  FENCED  ROLE',
      'one   10.0.0.10  off    up       yes     node',
      'one 10.0.0.10 off',
    ]);
  });

  it('says why one cannot be fenced and what to do, with exit code 1', async () => {
    state = 'running';
    expect(await runLabCommand(['fence', 'one'])).toBe(1);
    expect(said).toEqual(['lab: one runs (kill it)']);
  });
});
