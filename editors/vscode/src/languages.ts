// Which languages get ghost text: a pure reading of the setting `dgls.languages`.

export type Languages = Readonly<Record<string, boolean>>;

// Documents of other schemes are not for writing: output, history, search results.
const SCHEMES = ['file', 'untitled', 'vscode-vfs', 'vscode-notebook-cell', 'vscode-userdata'];

/** Whether documents of a language get ghost text; `*` stands for all that are not named. */
export function isEnabled(languages: Languages, language: string): boolean {
  return languages[language] ?? languages['*'] ?? false;
}

/** Which documents the server is told about. */
export function selector(languages: Languages): { scheme: string; language?: string }[] {
  const named = Object.keys(languages).filter((language) => language !== '*' && languages[language] === true);
  return SCHEMES.flatMap((scheme) =>
    languages['*'] === true ? [{ scheme }] : named.map((language) => ({ scheme, language })),
  );
}

/** Whether a document is one that the server is told about. */
export function isWanted(languages: Languages, document: { uri: { scheme: string }; languageId: string }): boolean {
  return SCHEMES.includes(document.uri.scheme) && isEnabled(languages, document.languageId);
}
