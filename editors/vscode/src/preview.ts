// Edits shown as a diff before they are applied: those that the user asked for by a command, and that may be large.
import * as vscode from 'vscode';
import type { Suggested } from './asking.ts';
import { applied } from './shape.ts';

const SCHEME = 'dgls-preview'; // package.json binds the keys by it

export class Preview implements vscode.Disposable {
  private shown: Suggested | undefined;
  private after = '';
  private readonly provided = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: () => this.after,
  });

  /** Opens the diff between a document as it is and as it would be. */
  async show(name: string, suggested: Suggested): Promise<void> {
    await this.close();
    const { document, edits } = suggested;
    const changes = edits.map(({ range, newText }) => ({
      start: document.offsetAt(range.start),
      end: document.offsetAt(range.end),
      text: newText,
    }));
    this.shown = suggested;
    this.after = applied(document.getText(), changes);
    // The same path, so that it has the same colours; a query of its own, as VS Code keeps texts by their address.
    const after = vscode.Uri.from({ scheme: SCHEME, path: document.uri.path, query: String(Date.now()) });
    await vscode.commands.executeCommand('vscode.diff', document.uri, after, `${name}: Tab applies, Escape does not`);
  }

  /** Applies what is shown, in one step; says so if the document is no longer the one that it is for. */
  async apply(): Promise<void> {
    const shown = this.shown;
    await this.close();
    if (!shown) {
      return;
    }
    const { document, version, edits } = shown;
    const at = edits[0]?.range.start ?? new vscode.Position(0, 0);
    const editor = await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
    const isSame = document.version === version;
    if (!isSame || !(await editor.edit((builder) => edits.forEach((edit) => builder.replace(edit.range, edit.newText))))) {
      void vscode.window.showInformationMessage('dgls: the document has changed since; ask again');
    }
  }

  /** Closes the diff. */
  async close(): Promise<void> {
    this.shown = undefined;
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    await vscode.window.tabGroups.close(tabs.filter(({ input }) => isPreview(input)));
  }

  dispose(): void {
    this.provided.dispose();
  }
}

function isPreview(input: unknown): boolean {
  return input instanceof vscode.TabInputTextDiff && input.modified.scheme === SCHEME;
}
