// Live drafts: while a fill comes into focus, what of it has settled is shown dim at the cursor.
import * as vscode from 'vscode';
import type { Draft } from './messages.ts';
import { shownOf } from './words.ts';

interface Place {
  uri: string;
  version: number;
  position: vscode.Position;
}

export class Drafts implements vscode.Disposable {
  private place: Place | undefined;
  private shownIn: vscode.TextEditor | undefined;
  // In a document of its own style: the ghost text that follows has the same colour.
  private readonly style = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    after: { color: new vscode.ThemeColor('editorGhostText.foreground'), fontStyle: 'italic' },
  });

  /** Makes way for the drafts of a request; disposing of the result takes them away. */
  begin(document: vscode.TextDocument, position: vscode.Position): vscode.Disposable {
    this.clear();
    const place = { uri: document.uri.toString(), version: document.version, position };
    this.place = place;
    return new vscode.Disposable(() => {
      if (this.place === place) {
        this.clear();
      }
    });
  }

  /** Shows a draft, if it is one of the newest request and the cursor is still there. */
  show(draft: Draft): void {
    const editor = vscode.window.activeTextEditor;
    const place = this.place;
    const text = shownOf(draft.text);
    if (!place || !editor || !text || !isWanted() || !isAt(editor, place) || !isOf(draft, place)) {
      return;
    }
    this.shownIn = editor;
    const range = new vscode.Range(place.position, place.position);
    editor.setDecorations(this.style, [{ range, renderOptions: { after: { contentText: text } } }]);
  }

  /** Takes away what is shown. */
  clear(): void {
    this.place = undefined;
    this.shownIn?.setDecorations(this.style, []);
    this.shownIn = undefined;
  }

  dispose(): void {
    this.clear();
    this.style.dispose();
  }
}

/** Not where the user asked for less motion; what the operating system was asked for, extensions cannot see. */
function isWanted(): boolean {
  const reduced = vscode.workspace.getConfiguration('workbench').get<string>('reduceMotion');
  return reduced !== 'on' && vscode.workspace.getConfiguration('dgls').get<boolean>('drafts', true);
}

function isAt(editor: vscode.TextEditor, place: Place): boolean {
  const { document, selection } = editor;
  return (
    document.uri.toString() === place.uri &&
    document.version === place.version &&
    selection.active.isEqual(place.position)
  );
}

function isOf({ textDocument, position }: Draft, place: Place): boolean {
  return (
    textDocument.uri === place.uri &&
    textDocument.version === place.version &&
    position.line === place.position.line &&
    position.character === place.position.character
  );
}
