import { DatabaseError } from 'pg';
import { isRefusal } from './refusal';

const answer = (severity: string, code: string): DatabaseError =>
  Object.assign(new DatabaseError('no', 1, 'error'), { severity, code });

describe('isRefusal', () => {
  it.each([
    ['a read-only transaction', answer('ERROR', '25006'), true],
    ['a missing table', answer('ERROR', '42P01'), true],
    ['a cancelled statement', answer('ERROR', '57014'), true],
    ['a backend that is shut down', answer('FATAL', '57P01'), false],
    ['a pooler that lost its server', answer('FATAL', '08P01'), false],
    ['a pooler that lost its server and keeps its client', answer('ERROR', '08P01'), false],
    ['a lost connection', new Error('read ECONNRESET'), false],
    ['no answer in time', new Error('Query read timeout'), false],
  ])('%s', (_, error, refused) => expect(isRefusal(error)).toBe(refused));
});
