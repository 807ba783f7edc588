// What the status bar shows for each state: text, reason, colour.
import type { Status } from './messages';

export type State =
  | { kind: 'asleep' } // no document needs a server yet
  | { kind: 'starting' }
  | { kind: 'running'; status: Status }
  | { kind: 'restarting'; reason: string; waitMs: number }
  | { kind: 'installing' }
  | { kind: 'missing'; reason: string };

export interface View {
  text: string;
  tooltip: string;
  alarm?: 'warning' | 'error';
}

/** The status bar's text; `paused` and `silence` are about the document in front. */
export function view(state: State, paused: string | undefined, silence: string | undefined): View {
  switch (state.kind) {
    case 'asleep':
      return { text: '$(dash) dgls', tooltip: 'starts with the first document of a language in dgls.languages' };
    case 'starting':
      return { text: '$(loading~spin) dgls', tooltip: 'the server starts' };
    case 'installing':
      return { text: '$(loading~spin) dgls: installing', tooltip: 'the server is being installed' };
    case 'missing':
      return { text: '$(error) dgls: no server', tooltip: state.reason, alarm: 'error' };
    case 'restarting': {
      const seconds = Math.max(1, Math.round(state.waitMs / 1000));
      const tooltip = `the server ended (${state.reason}) and is started again after ${seconds} s`;
      return { text: '$(warning) dgls: restarting', tooltip, alarm: 'warning' };
    }
    case 'running':
      return running(state.status, paused, silence);
  }
}

function running(status: Status, paused: string | undefined, silence: string | undefined): View {
  const tooltip = `${status.engine}: ${status.detail}`;
  switch (status.state) {
    case 'failed':
      return { text: '$(error) dgls: failed', tooltip, alarm: 'error' };
    case 'loading': {
      const percent = typeof status.percent === 'number' ? ` ${status.percent} %` : '';
      return { text: `$(loading~spin) dgls: loading${percent}`, tooltip };
    }
    case 'idle':
      return { text: '$(dash) dgls', tooltip };
    case 'ready':
      break;
  }
  if (paused) {
    return { text: `$(debug-pause) dgls: ${paused}`, tooltip: `${status.engine}: ready, ${paused}` };
  }
  if (silence) {
    // As long as the text for ready: it comes and goes as the user types, and its neighbours must not move.
    return { text: `$(circle-outline) dgls: ${status.engine}`, tooltip: `quiet, nothing to show here (${silence})` };
  }
  return { text: `$(check) dgls: ${status.engine}`, tooltip };
}
