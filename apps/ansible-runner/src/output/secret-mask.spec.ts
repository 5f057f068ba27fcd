import { SecretMask } from './secret-mask';

describe('SecretMask', () => {
  it('masks every known value, wherever it stands', () => {
    const mask = new SecretMask(['s3cretA', 's3cretB']);
    expect(mask.apply('a=s3cretA b=s3cretB c=s3cretA')).toBe('a=******** b=******** c=********');
  });

  it('masks a value as JSON, base64 and URLs write it, and each line of a key', () => {
    const value = 'p"ss/wörd';
    const mask = new SecretMask([value, '-----BEGIN KEY-----\nMIGHAgEAMBMG\n-----END KEY-----']);
    expect(mask.apply(JSON.stringify({ value }))).toBe('{"value":"********"}');
    expect(mask.apply(`echo ${Buffer.from(value).toString('base64')}`)).toBe('echo ********');
    expect(mask.apply(`https://u:${encodeURIComponent(value)}@host`)).toBe('https://u:********@host');
    expect(mask.apply('MIGHAgEAMBMG')).toBe('********');
  });

  it('masks the longer of two values of which one begins the other', () => {
    expect(new SecretMask(['abcd', 'abcdefgh']).apply('abcdefgh')).toBe('********');
  });

  it('takes no pattern for one, and leaves text alone without secrets', () => {
    expect(new SecretMask(['a.c+']).apply('abcc a.c+')).toBe('abcc ********');
    expect(new SecretMask(['', 'ab']).apply('ab or not')).toBe('ab or not');
    expect(new SecretMask([]).apply('as it is')).toBe('as it is');
  });
});
