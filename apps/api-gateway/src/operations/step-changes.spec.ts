import { anOperation } from '../testing/samples';
import { StepChanges } from './step-changes';

const at = (second: number) => `2026-11-23T12:00:0${second}.000Z`;
const one = { name: 'one', attempt: 1, startedAt: at(0), endedAt: null, state: 'running' } as const;
const two = { name: 'two', attempt: 0, startedAt: null, endedAt: null, state: 'pending' } as const;
const texts = (changes: { text: string }[]) => changes.map(({ text }) => text);

describe('changes of steps', () => {
  it('are reported once each, also those between two reads', () => {
    const changes = new StepChanges();
    const operation = anOperation();
    const look = (...steps: object[]) => texts(changes.since({ ...operation, steps } as typeof operation));
    expect(look(one, two)).toEqual(['one started']);
    expect(look(one, two)).toEqual([]);
    expect(look({ ...one, attempt: 2 }, two)).toEqual(['one started, attempt 2']);
    const ended = { ...one, attempt: 2, state: 'succeeded', endedAt: at(3) };
    expect(look(ended, { ...two, state: 'succeeded', attempt: 1, startedAt: at(3), endedAt: at(4) })).toEqual(
      ['one succeeded after 3.0 s', 'two succeeded after 1.0 s'],
    );
    expect(look(ended, two)).toEqual(['two will run again']);
  });

  it('say why a step failed', () => {
    const failed = { ...one, state: 'failed', endedAt: at(2) };
    const error = { step: 'one', cause: 'The disk is full.', remedy: 'Make room.' };
    const operation = { ...anOperation(), steps: [failed], error } as ReturnType<typeof anOperation>;
    expect(texts(new StepChanges().since(operation))).toEqual(['one failed after 2.0 s: The disk is full.']);
  });
});
