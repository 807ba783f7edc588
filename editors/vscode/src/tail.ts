// The unsure tail of a fill that was taken: dim where it lands, until the user types on or leaves it.
// VS Code lets nobody style a part of ghost text, so it is marked when the whole is taken.
import * as vscode from 'vscode';

/** A fill that was taken. */
export interface Taken {
  uri: vscode.Uri;
  start: vscode.Position;
  text: string;
  unsureFrom: number | null;
}

export class Tail implements vscode.Disposable {
  private readonly style = vscode.window.createTextEditorDecorationType({
    opacity: '0.6',
    textDecoration: 'underline dotted',
  });
  private shownIn: vscode.TextEditor | undefined;
  private readonly listeners = [
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0 && document === this.shownIn?.document) {
        this.clear();
      }
    }),
  ];

  /** Dims the tail of a fill that was just taken, if it has one. */
  took({ uri, start, text, unsureFrom }: Taken): void {
    this.clear();
    const editor = vscode.window.activeTextEditor;
    const wanted = vscode.workspace.getConfiguration('dgls').get<boolean>('dim_unsure', true);
    if (!wanted || unsureFrom === null || editor?.document.uri.toString() !== uri.toString()) {
      return;
    }
    const begin = editor.document.offsetAt(start);
    const at = (offset: number) => editor.document.positionAt(begin + offset);
    this.shownIn = editor;
    editor.setDecorations(this.style, [new vscode.Range(at(unsureFrom), at(text.length))]);
  }

  clear(): void {
    this.shownIn?.setDecorations(this.style, []);
    this.shownIn = undefined;
  }

  dispose(): void {
    this.clear();
    vscode.Disposable.from(this.style, ...this.listeners).dispose();
  }
}
