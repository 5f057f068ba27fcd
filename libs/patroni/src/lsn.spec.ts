import { lsnText } from './lsn';

describe('lsnText', () => {
  it.each([
    [0, '0/0'],
    [83886176, '0/5000060'],
    [0xffffffff, '0/FFFFFFFF'],
    [2 ** 32, '1/0'],
    [0x16b374d848, '16/B374D848'],
  ])('writes %i as %s', (position, text) => expect(lsnText(position)).toBe(text));
});
