import { LineSplitter, maxLineLength } from './line-splitter';
import { SecretMask } from './secret-mask';

const secret = 'Zx9'.repeat(10);
const splitter = (values: string[] = []) => {
  const mask = new SecretMask(values);
  return new LineSplitter(mask.apply, mask.overlap);
};
const bytes = (text: string) => Buffer.from(text);

describe('LineSplitter', () => {
  it('gives whole lines, whatever the chunks', () => {
    const lines = splitter();
    expect(lines.push(bytes('one\ntw'))).toEqual(['one']);
    expect(lines.push(bytes('o\r\n\nthree'))).toEqual(['two', '']);
    expect(lines.end()).toEqual(['three']);
    expect(lines.end()).toEqual([]);
  });

  it('keeps a character together that comes in two chunks', () => {
    const lines = splitter();
    const text = bytes('höhe\n');
    expect([...lines.push(text.subarray(0, 2)), ...lines.push(text.subarray(2))]).toEqual(['höhe']);
  });

  it('removes terminal codes', () => {
    expect(splitter().push(bytes('\u001b[0;32mok\u001b[0m: n1\n'))).toEqual(['ok: n1']);
  });

  it('masks a secret that comes in two chunks', () => {
    const lines = splitter([secret]);
    expect(lines.push(bytes(`password ${secret.slice(0, 7)}`))).toEqual([]);
    expect(lines.push(bytes(`${secret.slice(7)}!\n`))).toEqual(['password ********!']);
  });

  it('gives an endless line in pieces, and cuts none of its secrets', () => {
    const lines = splitter([secret]);
    const text = `${'.'.repeat(maxLineLength - 5)}${secret}${'-'.repeat(3 * maxLineLength)}`;
    const given: string[] = [];
    for (let at = 0; at < text.length; at += 1000)
      given.push(...lines.push(bytes(text.slice(at, at + 1000))));
    expect(given.length).toBeGreaterThan(2);
    given.push(...lines.push(bytes('\n')));
    expect(given.every((line) => line.length <= maxLineLength)).toBe(true);
    expect(given.join('')).toBe(text.replace(secret, '********'));
  });
});
