const pattern = /^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$/;

/** @throws TypeError for text that is not a backup label, and could be read as an option or a path */
export const checkLabel = (label: string): string => {
  if (!pattern.test(label)) throw new TypeError(`not a backup label: ${JSON.stringify(label)}`);
  return label;
};
