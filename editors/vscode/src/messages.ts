// What the server tells beside LSP; editors/PROTOCOL.md has the words.
import type { Position, Range, VersionedTextDocumentIdentifier } from 'vscode-languageclient/node';

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

export const NEXT_EDITS = 'textDocument/copilotInlineEdit';
export const REWRITE = 'dgls/rewrite';
export const FILL_GAPS = 'dgls/fillGaps';
export const FILL_WITH = 'dgls/fillWith';

/** The answer to each request for edits: what is to stand where, or why there is nothing. */
export interface InlineEdits {
  edits: { text: string; range: Range; textDocument: VersionedTextDocumentIdentifier }[];
  silence?: string | null;
}
