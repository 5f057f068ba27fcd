/** Ansible treats text with one of these as a template and evaluates it on the control node. */
const template = /\{[{%#]/;
/** Allowed in JSON strings but not in YAML strings. */
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff]/g;

const text = (value: string): string => {
  const quoted = JSON.stringify(value).replace(
    unprintable,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return template.test(value) ? `!unsafe ${quoted}` : quoted;
};

/**
 * A value as Ansible reads it from a file: JSON, which it parses fastest, with YAML's `!unsafe` before text that looks like a
 * template. A job's content is data; Ansible evaluates only what is in `deploy/ansible`.
 */
export const dataYaml = (value: unknown): string => {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map(dataYaml).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${text(name)}: ${dataYaml(member)}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
};
