import { asyncApiDocument } from './asyncapi';
import { eventsMarkdown } from './events-markdown';
import { openApiDocument } from './openapi';

/** Every document in `docs/` that is generated from the contracts, by file name. */
export const generatedDocuments = (): { file: string; text: string }[] => [
  { file: 'openapi.json', text: json(openApiDocument()) },
  { file: 'asyncapi.json', text: json(asyncApiDocument()) },
  { file: 'events.md', text: eventsMarkdown() },
];

const json = (document: unknown) => `${JSON.stringify(document, null, 2)}\n`;
