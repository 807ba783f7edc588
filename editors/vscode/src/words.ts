// Small pure readings of texts.

/** What of a draft can be drawn at the cursor: its first line, with spaces that a decoration keeps. */
export function shownOf(draft: string): string {
  const [first = ''] = draft.split(/\r\n|\r|\n/, 1);
  return first.replaceAll('\t', '    ').replaceAll(' ', '\u00a0');
}

/** A size as pip tells it in a line of its output, and what it is the size of. */
export function downloadOf(line: string): string | undefined {
  const found = /Downloading (?:\S*\/)?([\w.]+?)-\d\S* \(([\d.]+ [kMG]B)\)/.exec(line);
  return found ? `downloading ${found[1] ?? ''} (${found[2] ?? ''})` : undefined;
}
