const masked = '********';
/** Masking shorter values would blank out ordinary text, and they are not secrets. */
const shortest = 4;

/** Every form in which a secret value may appear: unchanged, each of its lines, and as written in JSON, base64 or a URL. */
const formsOf = (value: string): string[] => [
  value,
  ...(value.includes('\n') ? value.split('\n') : []),
  JSON.stringify(value).slice(1, -1),
  encodeURIComponent(value),
  Buffer.from(value).toString('base64'),
];

/** Replaces known secret values in a job's output. */
export class SecretMask {
  private readonly pattern: RegExp | undefined;
  /** Length of the longest form, minus one: this much of a secret may be at the end of an unfinished text. */
  readonly overlap: number;

  constructor(values: Iterable<string>) {
    const forms = [...new Set([...values].flatMap(formsOf))].filter((form) => form.trim().length >= shortest);
    // Longest first: one secret may be a prefix of another.
    forms.sort((a, b) => b.length - a.length);
    this.overlap = Math.max(0, (forms[0]?.length ?? 0) - 1);
    const alternatives = forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
    this.pattern = forms.length > 0 ? new RegExp(alternatives.join('|'), 'g') : undefined;
  }

  apply = (text: string): string => (this.pattern ? text.replace(this.pattern, masked) : text);
}
