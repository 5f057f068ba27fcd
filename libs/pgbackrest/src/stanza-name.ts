/** A name that is safe as an argument, a folder and a section of the configuration: `lin_0197…`. */
const pattern = /^[a-z][a-z0-9_-]{0,127}$/;

/** @throws TypeError for a name that could be read as an option or a path */
export const checkStanzaName = (stanza: string): string => {
  if (!pattern.test(stanza)) throw new TypeError(`not a stanza name: ${JSON.stringify(stanza)}`);
  return stanza;
};

/** A lineage is in the repository folder of the same name. */
export const repositoryPath = (stanza: string): string => `/${checkStanzaName(stanza)}`;
