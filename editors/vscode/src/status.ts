// The item in the status bar.
import * as vscode from 'vscode';
import { type State, view } from './view.ts';

const COLOURS = { warning: 'statusBarItem.warningBackground', error: 'statusBarItem.errorBackground' };

export class StatusBar implements vscode.Disposable {
  state: State = { kind: 'asleep' };
  private readonly item = vscode.window.createStatusBarItem('dgls', vscode.StatusBarAlignment.Right, 100);

  constructor(private readonly about: (document: vscode.TextDocument) => { paused?: string; silence?: string }) {
    this.item.name = 'dgls';
    this.item.command = 'dgls.menu';
    this.refresh();
    this.item.show();
  }

  /** Shows the state as it is now. */
  refresh(): void {
    const document = vscode.window.activeTextEditor?.document;
    const { paused, silence } = document ? this.about(document) : {};
    const { text, tooltip, alarm } = view(this.state, paused, silence);
    this.item.text = text;
    this.item.tooltip = `dgls: ${tooltip}`;
    this.item.accessibilityInformation = { label: `dgls: ${tooltip}` };
    this.item.backgroundColor = alarm ? new vscode.ThemeColor(COLOURS[alarm]) : undefined;
  }

  dispose(): void {
    this.item.dispose();
  }
}
