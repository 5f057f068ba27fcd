import { dataYaml } from './data-yaml';

describe('dataYaml', () => {
  it('is JSON for data without templates', () => {
    const data = {
      name: 'orders',
      ttl: 20,
      on: true,
      none: null,
      list: [1, 'zwei'],
      nested: { a: '"quoted"\n' },
    };
    expect(JSON.parse(dataYaml(data))).toEqual(data);
  });

  it('marks text that looks like a template as data, keys too', () => {
    expect(dataYaml({ a: "{{ lookup('pipe', 'id') }}" })).toBe(`{"a": !unsafe "{{ lookup('pipe', 'id') }}"}`);
    expect(dataYaml(['{% if x %}', '{# c #}', '{}'])).toBe('[!unsafe "{% if x %}",!unsafe "{# c #}","{}"]');
    expect(dataYaml({ '{{ k }}': 1 })).toBe('{!unsafe "{{ k }}": 1}');
  });

  it('escapes what YAML does not allow in a line, and leaves out what is undefined', () => {
    expect(dataYaml({ a: 'x\u2028y\u0085', b: undefined })).toBe('{"a": "x\\u2028y\\u0085"}');
  });
});
