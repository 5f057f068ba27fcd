import { asyncApiDocument } from './asyncapi';
import { eventsMarkdown } from './events-markdown';
import { openApiDocument } from './openapi';

/** Every document of `docs/` that is made of the contracts, by file name. */
export const generatedDocuments = (): { file: string; text: string }[] => [
  { file: 'openapi.json', text: json(openApiDocument()) },
  { file: 'asyncapi.json', text: json(asyncApiDocument()) },
  { file: 'events.md', text: eventsMarkdown() },
];

const json = (document: unknown) => `${JSON.stringify(document, null, 2)}\n`;
