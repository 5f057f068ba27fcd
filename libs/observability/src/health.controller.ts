import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Readiness } from './readiness';

@Controller('health')
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  /** Answers while the process runs. Does not check dependencies, because a restart would not fix them. */
  @Get('live')
  live() {
    return { status: 'live' };
  }

  /** 200 if every registered check passes; otherwise a 503 problem that names the failed checks. */
  @Get('ready')
  @Header('cache-control', 'no-store')
  async ready(@Res({ passthrough: true }) response: Response) {
    const failures = await this.readiness.failures();
    if (failures.length === 0) return { status: 'ready', checks: this.readiness.names };
    response.status(503).type('application/problem+json');
    return {
      type: 'urn:pgfleet:problem:not-ready',
      title: 'The service is not ready',
      status: 503,
      code: 'not-ready',
      detail: failures.map(({ name, reason }) => `${name}: ${reason}`).join('; '),
      remedy: `Look at what it depends on: ${failures.map(({ name }) => name).join(', ')}.`,
    };
  }
}
