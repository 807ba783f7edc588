// An edit drawn in the text, in one of two ways: by VS Code itself where it lets us, else by decorations.
import * as vscode from 'vscode';
import type { Suggested } from './asking.ts';
import { folded, hint, isFar, smallest } from './shape.ts';

/** Where the nearest edit is drawn. */
export interface Display {
  show(suggested: Suggested, editor: vscode.TextEditor): void;
  clear(): void;
  dispose(): void;
}

/** The smallest change that an edit comes to. */
export interface Smallest {
  range: vscode.Range;
  text: string;
}

/** The first edit as small as it is. */
export function firstOf({ document, edits }: Suggested): Smallest | undefined {
  const [edit] = edits;
  if (!edit) {
    return undefined;
  }
  const { start, end } = edit.range;
  const lines = document.validateRange(new vscode.Range(start.line, 0, end.line + 1, 0));
  const base = document.offsetAt(lines.start);
  const [from, to] = [document.offsetAt(start) - base, document.offsetAt(end) - base];
  const change = smallest(document.getText(lines), { start: from, end: to, text: edit.newText });
  const at = (offset: number) => document.positionAt(base + offset);
  return { range: new vscode.Range(at(change.start), at(change.end)), text: change.text };
}

/** Whether the first key only jumps to a place. */
export function isJump(range: vscode.Range, { selection }: vscode.TextEditor): boolean {
  return isFar({ first: range.start.line, last: range.end.line }, selection.active.line);
}

/** The lines of an edit as they will be. */
function lineWith({ range: { start, end }, text }: Smallest, document: vscode.TextDocument): string {
  return document.lineAt(start).text.slice(0, start.character) + text + document.lineAt(end).text.slice(end.character);
}

/** Decorations: what goes is struck through, what comes stands behind it; at the cursor of an edit far away, where it is. */
export class Marks implements Display {
  private readonly removed = vscode.window.createTextEditorDecorationType({
    textDecoration: 'line-through',
    backgroundColor: new vscode.ThemeColor('diffEditor.removedTextBackground'),
  });
  private readonly inserted = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    after: {
      color: new vscode.ThemeColor('editorGhostText.foreground'),
      backgroundColor: new vscode.ThemeColor('diffEditor.insertedTextBackground'),
      fontStyle: 'italic',
    },
  });
  private readonly hint = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 2em' },
  });
  private shownIn: vscode.TextEditor | undefined;

  show(suggested: Suggested, editor: vscode.TextEditor): void {
    this.clear();
    const edit = firstOf(suggested);
    if (!edit) {
      return;
    }
    this.shownIn = editor;
    isVisible(true); // before it is seen: the key must work by then
    const { range, text } = edit;
    const behind = (at: vscode.Position, contentText: string) => [
      { range: new vscode.Range(at, at), renderOptions: { after: { contentText } } },
    ];
    editor.setDecorations(this.removed, range.isEmpty ? [] : [range]);
    editor.setDecorations(this.inserted, text ? behind(range.end, folded(text)) : []);
    const { end } = editor.document.lineAt(editor.selection.active).range;
    const told = hint(range.start.line, lineWith(edit, editor.document));
    editor.setDecorations(this.hint, isJump(range, editor) ? behind(end, told) : []);
  }

  clear(): void {
    if (this.shownIn) {
      for (const style of [this.removed, this.inserted, this.hint]) {
        this.shownIn.setDecorations(style, []);
      }
      this.shownIn = undefined;
      isVisible(false);
    }
  }

  dispose(): void {
    this.clear();
    vscode.Disposable.from(this.removed, this.inserted, this.hint).dispose();
  }
}

// The proposed API `inlineCompletionsAdditions`, as far as it is used here.
type NativeItem = vscode.InlineCompletionItem & { isInlineEdit: boolean; showRange: vscode.Range };
type Register = (
  selector: vscode.DocumentSelector,
  provider: vscode.InlineCompletionItemProvider & { handleEndOfLifetime(item: unknown, reason: { kind: number }): void },
  metadata: { displayName: string },
) => vscode.Disposable;

const REJECTED = 1;

/** VS Code's own diff: it draws the edit, jumps with Tab, and applies with the next. */
export class Native implements Display {
  private suggested: Suggested | undefined;
  private turn: vscode.TextDocument | undefined;
  private readonly registered: vscode.Disposable;

  /** Throws where VS Code does not let this extension: it would ignore in silence what is in the items. */
  constructor(rejected: () => void) {
    const register = vscode.languages.registerInlineCompletionItemProvider as Register;
    const provider = {
      provideInlineCompletionItems: (document: vscode.TextDocument) => this.items(document),
      handleEndOfLifetime: (_: unknown, { kind }: { kind: number }) => {
        if (kind === REJECTED) {
          rejected();
        }
      },
    };
    const host = { knows: false };
    const metadata = {
      get displayName() {
        host.knows = true;
        return 'dgls';
      },
    };
    this.registered = register({ pattern: '**' }, provider, metadata); // throws where the proposal is not allowed
    if (!host.knows) {
      this.registered.dispose();
      throw new Error('this VS Code does not know the proposal');
    }
  }

  /** Has VS Code ask for it; a provider's own event of a change is ignored where its last answer was empty. */
  show(suggested: Suggested): void {
    this.suggested = suggested;
    this.turn = suggested.document;
    void vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
  }

  /** Whether VS Code asks only because of `show`; true once. */
  takesTurn(document: vscode.TextDocument): boolean {
    const isOurs = this.turn === document && this.suggested?.version === document.version;
    this.turn = undefined;
    return isOurs;
  }

  clear(): void {
    this.suggested = undefined;
    this.turn = undefined;
  }

  dispose(): void {
    this.registered.dispose();
  }

  private items(document: vscode.TextDocument): vscode.InlineCompletionItem[] {
    const suggested = this.suggested;
    const edit = suggested && firstOf(suggested);
    if (!edit || suggested.document !== document || suggested.version !== document.version) {
      return [];
    }
    const item = new vscode.InlineCompletionItem(edit.text, edit.range) as NativeItem;
    item.isInlineEdit = true;
    item.showRange = new vscode.Range(0, 0, document.lineCount, 0); // far away it is shown as a jump
    return [item];
  }
}

function isVisible(visible: boolean): void {
  void vscode.commands.executeCommand('setContext', 'dgls.editVisible', visible);
}
