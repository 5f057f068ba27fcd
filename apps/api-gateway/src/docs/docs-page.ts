import type { INestApplication } from '@nestjs/common';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { openApiDocument } from '@pgfleet/contracts';

/** `/docs`: Swagger UI with the document inside, all of it served by the gateway; nothing is fetched from elsewhere. */
export const docsPage = (app: INestApplication): void => {
  SwaggerModule.setup('docs', app, openApiDocument() as unknown as OpenAPIObject, {
    raw: false,
    customSiteTitle: 'pgfleet API',
    swaggerOptions: { validatorUrl: null, docExpansion: 'list', displayRequestDuration: true },
  });
};
