import type { INestApplication } from '@nestjs/common';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { openApiDocument } from '@pgfleet/contracts';

/** `/docs`: Swagger UI with the OpenAPI document. The gateway serves all of it; the page loads nothing from elsewhere. */
export const docsPage = (app: INestApplication): void => {
  SwaggerModule.setup('docs', app, openApiDocument() as unknown as OpenAPIObject, {
    raw: false,
    customSiteTitle: 'pgfleet API',
    swaggerOptions: { validatorUrl: null, docExpansion: 'list', displayRequestDuration: true },
  });
};
