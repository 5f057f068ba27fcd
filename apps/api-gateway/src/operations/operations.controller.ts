import { Controller, Req, Res } from '@nestjs/common';
import {
  getLog,
  getOperationById,
  getOperations,
  type LogPage,
  type LogQuery,
  postCancel,
  postRetry,
} from '@pgfleet/contracts';
import { OperationLog } from '@pgfleet/messaging';
import type { Request, Response } from 'express';
import { Endpoint } from '../endpoint/endpoint.decorator';
import { Input, type RequestOf } from '../endpoint/input';
import { contextOf } from '../http/request-context';
import { LogStreams } from './log-streams';
import { OperationOwners } from './operation-owners';

@Controller()
export class OperationsController {
  constructor(
    private readonly owners: OperationOwners,
    private readonly logs: OperationLog,
    private readonly streams: LogStreams,
  ) {}

  @Endpoint(getOperations)
  list(@Input() { query }: RequestOf<typeof getOperations>) {
    return this.owners.list(query);
  }

  @Endpoint(getOperationById)
  get(@Input() { params }: RequestOf<typeof getOperationById>) {
    return this.owners.get(params.operationId);
  }

  @Endpoint(postRetry)
  retry(@Input() { params, idempotency }: RequestOf<typeof postRetry>) {
    return this.owners.retry(params.operationId, idempotency);
  }

  @Endpoint(postCancel)
  cancel(@Input() { params, idempotency }: RequestOf<typeof postCancel>) {
    return this.owners.cancel(params.operationId, idempotency);
  }

  @Endpoint(getLog)
  async log(
    @Input() { params, query, headers }: RequestOf<typeof getLog>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { operationId } = params;
    await this.owners.get(operationId);
    const wantsStream = request.accepts(['json', 'text/event-stream']) === 'text/event-stream';
    if (!wantsStream) {
      response.json(await this.page(operationId, query));
    } else if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
    } else {
      contextOf(request).streaming = true;
      const afterSeq = headers['last-event-id'] ?? query.after ?? 0;
      this.streams.start(response, operationId, { afterSeq, raw: query.raw });
    }
  }

  private async page(
    operationId: string,
    { after = 0, limit }: Pick<LogQuery, 'after' | 'limit'>,
  ): Promise<LogPage> {
    const items: LogPage['items'] = [];
    for await (const { seq, line } of this.logs.read(operationId, { afterSeq: after, follow: false })) {
      items.push({ seq, ...line });
      if (items.length === limit) break;
    }
    return { items, next: items.length === limit ? (items.at(-1)?.seq ?? null) : null };
  }
}
