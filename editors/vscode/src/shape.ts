// What an edit comes to, in pure texts: the smallest change, how that is drawn in a line, and a text with it applied.

/** What is to stand between two offsets of a text. */
export interface Change {
  start: number;
  end: number;
  text: string;
}

// More lines than this between cursor and edit: one cannot be sure to see it, so that the first key only jumps.
const NEAR_LINES = 1;
const MAX_CHARS = 160;
const MAX_HINT_CHARS = 60;

/** The same change without what stays as it is; where words change, in whole words: half a word struck through is no help. */
export function smallest(before: string, change: Change): Change {
  const trimmed = withoutEqualEnds(before, change);
  return trimmed.text && trimmed.start < trimmed.end ? inWholeWords(before, trimmed) : trimmed;
}

/** A text with changes that do not overlap. */
export function applied(text: string, changes: readonly Change[]): string {
  const last = [...changes].sort((one, other) => other.start - one.start);
  return last.reduce((now, change) => now.slice(0, change.start) + change.text + now.slice(change.end), text);
}

/** A text as a decoration can draw it: its lines behind each other, blanks that stay, not too long. */
export function folded(text: string): string {
  const line = text.replace(/(?:\r\n|\r|\n)[ \t]*/g, '⏎ ').replaceAll('\t', '    ');
  return cut(line, MAX_CHARS).replaceAll(' ', '\u00a0');
}

/** Whether an edit is so far from the cursor that the first key only jumps there. */
export function isFar(edit: { first: number; last: number }, cursor: number): boolean {
  return edit.first - cursor > NEAR_LINES || cursor - edit.last > NEAR_LINES;
}

/** What is said at the cursor of an edit in a line, counted from 0, further away; `after` is what will stand there. */
export function hint(line: number, after: string): string {
  const first = after.split(/[\r\n]+/).find((part) => part.trim())?.trim();
  return `⇥ line ${line + 1}: ${first === undefined ? 'delete' : cut(first, MAX_HINT_CHARS)}`.replaceAll(' ', '\u00a0');
}

function withoutEqualEnds(before: string, { start, end, text }: Change): Change {
  const removed = before.slice(start, end);
  const most = Math.min(removed.length, text.length);
  let head = 0;
  while (head < most && removed[head] === text[head]) {
    head += 1;
  }
  while (splits(removed, head) || splits(text, head)) {
    head -= 1;
  }
  let tail = 0;
  while (tail < most - head && removed.at(-1 - tail) === text.at(-1 - tail)) {
    tail += 1;
  }
  while (splits(removed, removed.length - tail) || splits(text, text.length - tail)) {
    tail -= 1;
  }
  return { start: start + head, end: end - tail, text: text.slice(head, text.length - tail) };
}

function inWholeWords(before: string, { start, end, text }: Change): Change {
  let [first, last] = [start, end];
  if (isInWord(before, start) || isInWord(before.slice(0, start) + text, start)) {
    first -= /[\p{L}\p{N}_]*$/u.exec(before.slice(0, start))?.[0].length ?? 0;
  }
  if (isInWord(before, end) || isInWord(text + before.slice(end), text.length)) {
    last += /^[\p{L}\p{N}_]*/u.exec(before.slice(end))?.[0].length ?? 0;
  }
  return { start: first, end: last, text: before.slice(first, start) + text + before.slice(end, last) };
}

/** Whether a place is inside a word. */
function isInWord(text: string, at: number): boolean {
  return at > 0 && /^[\p{L}\p{N}_]{2}$/u.test(text.slice(at - 1, at + 1));
}

/** Whether a place is inside a line end, or a character of two units. */
function splits(text: string, at: number): boolean {
  return at > 0 && at < text.length && /^(?:\r\n|[\ud800-\udbff][\udc00-\udfff])$/.test(text.slice(at - 1, at + 1));
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
