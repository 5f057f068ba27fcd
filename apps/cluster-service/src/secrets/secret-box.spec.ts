import { randomBytes } from 'node:crypto';
import { SecretBox } from './secret-box';

describe('SecretBox', () => {
  const box = new SecretBox(randomBytes(32));

  it('opens what it sealed, and seals differently each time', () => {
    const sealed = box.seal('hunter2', 'clu_1/superuser');
    expect(box.open(sealed, 'clu_1/superuser')).toBe('hunter2');
    expect(box.seal('hunter2', 'clu_1/superuser')).not.toEqual(sealed);
    expect(sealed.includes('hunter2')).toBe(false);
  });

  it('does not open for another owner, with another key, or after a flipped bit', () => {
    const sealed = box.seal('hunter2', 'clu_1/superuser');
    expect(() => box.open(sealed, 'clu_2/superuser')).toThrow();
    expect(() => new SecretBox(randomBytes(32)).open(sealed, 'clu_1/superuser')).toThrow();
    sealed[sealed.length - 1]! ^= 1;
    expect(() => box.open(sealed, 'clu_1/superuser')).toThrow();
  });
});
