// What the server tells beside LSP; editors/README.md has the words.
import type { Position, VersionedTextDocumentIdentifier } from 'vscode-languageclient/node';

export const STATUS = 'dgls/status';
export const DRAFT = 'dgls/draft';
export const OUTCOME = 'dgls/outcome';

export interface Status {
  state: 'idle' | 'loading' | 'ready' | 'failed';
  engine: string;
  detail: string;
  percent?: number | null;
}

interface Place {
  textDocument: VersionedTextDocumentIdentifier;
  position: Position;
}

export interface Draft extends Place {
  text: string;
}

export interface Outcome extends Place {
  unsureFrom: (number | null)[];
  silence?: string | null;
  ms: number;
}
