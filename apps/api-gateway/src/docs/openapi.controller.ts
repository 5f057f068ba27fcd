import { Controller, Get } from '@nestjs/common';
import { type OpenApiDocument, openApiDocument } from '@pgfleet/contracts';

@Controller()
export class OpenApiController {
  private readonly document = openApiDocument();

  @Get('openapi.json')
  openapi(): OpenApiDocument {
    return this.document;
  }
}
