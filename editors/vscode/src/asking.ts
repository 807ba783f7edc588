// When the server is asked for edits: for next edits once the user pauses, for others on demand. A newer change or a newer
// question takes back what is asked.
import * as vscode from 'vscode';
import { type InlineEdits, NEXT_EDITS } from './messages.ts';

/** A request to the server. */
export type Request = (method: string, params: object, token: vscode.CancellationToken) => Promise<unknown>;

/** Edits of a document as it is at one version. */
export interface Suggested {
  document: vscode.TextDocument;
  version: number;
  edits: vscode.TextEdit[];
}

/** Edits, or why there are none. */
export type Answer = Suggested | { silence: string };

// VS Code asks for ghost text within 50 ms after a key, and a fill that is asked for ends a request for edits.
const PAUSE_MS = 200;
// How often edits are asked for again that gave way to a fill.
const MOST_TRIES = 5;

const INVOKED = 1;
const AUTOMATIC = 2;

export class Asking {
  private timer: NodeJS.Timeout | undefined;
  private running: vscode.CancellationTokenSource | undefined;

  constructor(
    private readonly request: Request,
    private readonly found: (suggested: Suggested) => void,
  ) {}

  /** Asks for next edits once nothing has changed for a while. */
  later(editor: vscode.TextEditor, n_tries = 1): void {
    this.stop();
    this.timer = setTimeout(() => void this.automatic(editor, n_tries), PAUSE_MS);
  }

  /** Next edits that the user asks for. */
  nextEdits(editor: vscode.TextEditor): Promise<Answer | undefined> {
    return this.ask(NEXT_EDITS, editor.document, nextEditsParams(editor, INVOKED));
  }

  /** What the server answers about a document as it is; undefined if that was taken back. Throws what the server throws. */
  async ask(method: string, document: vscode.TextDocument, params: object): Promise<Answer | undefined> {
    this.stop();
    const running = new vscode.CancellationTokenSource();
    this.running = running;
    const { version } = document;
    const textDocument = { uri: document.uri.toString(), version };
    try {
      const answer = (await this.request(method, { textDocument, ...params }, running.token)) as InlineEdits;
      return running.token.isCancellationRequested ? undefined : suggested(document, version, answer);
    } catch (error) {
      if (running.token.isCancellationRequested) {
        return undefined;
      }
      throw error;
    } finally {
      running.dispose();
    }
  }

  /** Takes back what is asked. */
  stop(): void {
    clearTimeout(this.timer);
    this.running?.cancel();
    this.running = undefined;
  }

  private async automatic(editor: vscode.TextEditor, n_tries: number): Promise<void> {
    const { version } = editor.document;
    try {
      const answer = await this.ask(NEXT_EDITS, editor.document, nextEditsParams(editor, AUTOMATIC));
      if (answer && 'edits' in answer) {
        this.found(answer);
      }
    } catch {
      // It gave way to a fill, or the server is gone.
      if (editor.document.version === version && n_tries < MOST_TRIES) {
        this.later(editor, n_tries + 1);
      }
    }
  }
}

/** The edits that are for the document as it is now. */
function suggested(document: vscode.TextDocument, version: number, { edits, silence }: InlineEdits): Answer {
  if (document.version !== version || edits.some(({ textDocument }) => textDocument.version !== version)) {
    return { silence: 'stale' };
  }
  if (edits.length === 0) {
    return { silence: silence ?? 'nothing' };
  }
  return { document, version, edits: edits.map(({ range, text }) => vscode.TextEdit.replace(rangeOf(range), text)) };
}

function rangeOf({ start, end }: InlineEdits['edits'][number]['range']): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

function nextEditsParams({ selection }: vscode.TextEditor, triggerKind: number): object {
  const { line, character } = selection.active;
  return { position: { line, character }, context: { triggerKind } };
}

/** All next edits on purpose, wherever the cursor is. */
export function fromTheStart(): object {
  return { position: { line: 0, character: 0 }, context: { triggerKind: INVOKED } };
}
