import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedDocuments } from './documents/generated-documents';

/** `npm run docs:generate`: writes the documents that are generated from the contracts. */
const folder = join(__dirname, '../../../docs');
mkdirSync(folder, { recursive: true });
for (const { file, text } of generatedDocuments()) {
  writeFileSync(join(folder, file), text);
  console.log(`docs/${file}`);
}
