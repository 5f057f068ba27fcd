import { createHash, createHmac, pbkdf2 as derive, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const pbkdf2 = promisify(derive);
/**
 * PostgreSQL's default is 4096. A customer may set a verifier with any number, and each read of the credentials would compute it: more
 * than this is not one that the platform has set.
 */
const maxIterations = 100_000;
const form = /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):[A-Za-z0-9+/=]+$/;

/**
 * Whether a role with that verifier (pg_authid.rolpassword) can log in with the password. Only for generated passwords: SASLprep
 * does not change letters and digits.
 * @see https://www.rfc-editor.org/rfc/rfc5803 and https://www.rfc-editor.org/rfc/rfc5802#section-3
 */
export async function opensWith(verifier: string, password: string): Promise<boolean> {
  const [, iterations, salt, storedKey] = form.exec(verifier) ?? [];
  if (!iterations || !salt || !storedKey || Number(iterations) > maxIterations) return false;
  const salted = await pbkdf2(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const expected = createHash('sha256').update(clientKey).digest();
  const stored = Buffer.from(storedKey, 'base64');
  return stored.length === expected.length && timingSafeEqual(stored, expected);
}
