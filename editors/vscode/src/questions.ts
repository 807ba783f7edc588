// What the user is asked before edits are asked for.
import * as vscode from 'vscode';

export interface Rewrite {
  strength: number;
  instruction: string;
}

interface Strength extends vscode.QuickPickItem {
  strength: number;
}

const STRENGTHS: Strength[] = [
  { label: 'Little', description: 'only what is least likely there', strength: 0.3 },
  { label: 'Half', description: 'half of it', strength: 0.6 },
  { label: 'Anew', description: 'all of it', strength: 1 },
].map((choice) => ({ ...choice, alwaysShow: true }));

/** How much is to be written anew and, typed above the choices, an instruction. */
export function askHowToRewrite(): Promise<Rewrite | undefined> {
  const box = vscode.window.createQuickPick<Strength>();
  box.title = 'Rewrite the selection';
  box.placeholder = 'How much of it? You may type an instruction here';
  box.items = STRENGTHS;
  return new Promise((resolve) => {
    box.onDidAccept(() => {
      const [chosen] = box.selectedItems;
      resolve(chosen && { strength: chosen.strength, instruction: box.value.trim() });
      box.hide();
    });
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}

/** What must stand in the fill. */
export function askForRequired(): Thenable<string | undefined> {
  return vscode.window.showInputBox({ title: 'Fill with', placeHolder: 'what must stand in it, such as a name' });
}
