import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import type { ServiceName } from '@pgfleet/contracts';
import { type Services, startServices } from '@pgfleet/integration';
import { connectNats, provision } from '@pgfleet/messaging';
import { parseConfig } from '../config';
import { startGateway } from '../start-gateway';
import { Answers } from './answers';
import { adminUser, gatewayUser, natsUsers } from './nats-users';
import { startAnswering } from './services';

process.env.PGFLEET_LOG_LEVEL ||= 'silent';

export const token = 'integration-0123456789abcdef';
const answering: ServiceName[] = ['cluster-service', 'backup-service', 'healthcheck-scheduler'];

/** Any response body; each spec asserts what it expects. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

/** The real gateway over HTTP, on a real NATS. A spec supplies the answers of the services behind it. */
export class GatewayPlatform {
  readonly answers = new Answers();
  readonly running = new Map<ServiceName, INestApplication>();
  gateway!: INestApplication;
  url!: string;
  /** The spec's own connection. */
  nats!: NatsConnection;

  private constructor(readonly services: Services) {}

  static async start(): Promise<GatewayPlatform> {
    const platform = new GatewayPlatform(await startServices({ nats: natsUsers }));
    platform.nats = await connectNats({ servers: platform.natsUrl, name: 'spec', ...adminUser });
    await provision(platform.nats);
    for (const service of answering) await platform.startService(service);
    await platform.startGateway();
    return platform;
  }

  get natsUrl(): string {
    return this.services.nats.url;
  }

  async startService(service: ServiceName): Promise<void> {
    this.running.set(service, await startAnswering(service, this.natsUrl, this.answers));
  }

  async stopService(service: ServiceName): Promise<void> {
    await this.running.get(service)?.close();
    this.running.delete(service);
  }

  async startGateway(): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), 'pgfleet-gateway-'));
    const file = join(dir, 'api-token');
    writeFileSync(file, `# spec\nanother-0123456789abcdef\n${token}\n`, { mode: 0o600 });
    const config = parseConfig({
      PGFLEET_NATS_URL: this.natsUrl,
      PGFLEET_NATS_USER: gatewayUser.user,
      PGFLEET_NATS_PASSWORD: gatewayUser.password,
      PGFLEET_HTTP_PORT: '0',
      PGFLEET_API_TOKEN_FILE: file,
    });
    rmSync(dir, { recursive: true });
    this.gateway = await startGateway(config);
    const { port } = this.gateway.getHttpServer().address() as { port: number };
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Sends a request with a token and a JSON body. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
    const json: Json = isJson ? JSON.parse(text) : null;
    return { status: response.status, headers: response.headers, text, json };
  }

  async stop(): Promise<void> {
    await this.gateway.close();
    for (const service of [...this.running.keys()]) await this.stopService(service);
    await this.nats.close();
    await this.services.stop();
  }
}
