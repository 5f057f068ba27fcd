import { Controller } from '@nestjs/common';
import { createStanza, deleteStanza, type ParsedInput, type RequestOutput } from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { Stanzas } from './stanzas';

@Controller()
export class StanzasController {
  constructor(private readonly stanzas: Stanzas) {}

  @OnRequest(createStanza)
  create(input: ParsedInput<typeof createStanza>): Promise<RequestOutput<typeof createStanza>> {
    return this.stanzas.create(input);
  }

  @OnRequest(deleteStanza)
  delete(input: ParsedInput<typeof deleteStanza>): Promise<RequestOutput<typeof deleteStanza>> {
    return this.stanzas.delete(input);
  }
}
