import { lostIn, lostSoFar } from './lost-machines';

const unreachable = (host: string) => ({
  host,
  task: 'standstill',
  message: 'the machine is unreachable over ssh: the connection was lost',
});
const failed = (host: string) => ({ host, task: 'standstill', message: 'ended with exit code 1: no' });

describe('lostIn', () => {
  it.each([
    ['a machine that does not answer is lost', [unreachable('n2')], [], ['n2']],
    ['each machine counts once', [unreachable('n2'), unreachable('n2')], [], ['n2']],
    ['one that is needed is not gone without', [unreachable('n1'), unreachable('n2')], ['n1'], null],
    ['one that answered and failed is a failure', [unreachable('n2'), failed('n3')], [], null],
    ['no word of any machine is a failure', [], [], null],
  ])('%s', (_, failures, needed, expected) => {
    expect(lostIn({ state: 'failed', failures }, needed)).toEqual(expected);
  });

  it('looks at failed jobs only', () => {
    expect(lostIn({ state: 'timed_out', failures: [unreachable('n2')] })).toBeNull();
    expect(lostIn({ state: 'succeeded', failures: [] })).toBeNull();
  });
});

it('knows what earlier steps went without', () => {
  const results = {
    check: { node: 'n1' },
    recover: null,
    set_aside: { lost: ['n2'] },
    hand_over: { lost: ['n2'] },
  };
  expect(lostSoFar(results)).toEqual(['n2']);
});
