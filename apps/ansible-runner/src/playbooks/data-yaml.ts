/** Ansible treats text with one of these as a template to be evaluated on the control node. */
const template = /\{[{%#]/;
/** Allowed in JSON's strings and not in YAML's. */
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff]/g;

const text = (value: string): string => {
  const quoted = JSON.stringify(value).replace(
    unprintable,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return template.test(value) ? `!unsafe ${quoted}` : quoted;
};

/**
 * A value as Ansible reads it from a file: JSON, which it parses fastest, and YAML's `!unsafe` before text that looks like a
 * template. What comes in a job is data; only what stands in `deploy/ansible` is ever evaluated.
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
