/** The server's commands and its one custom message, as `docs/protocol.md` of the project has them. */

import { NotificationType, type Range } from "vscode-languageclient/node";

export type TaskState =
  | "queued"
  | "running"
  | "verifying"
  | "ready"
  | "applying"
  | "applied"
  | "conflicted"
  | "failed"
  | "cancelled"
  | "discarded"
  | "interrupted"
  | "undone";

export interface TaskInfo {
  task: string;
  kind: string;
  title: string;
  uri: string;
  state: TaskState;
  model: string | null;
  /** Since the task was started, until it ended. */
  seconds: number;
  message: string | null;
  inputTokens: number | null;
  outputTokens: number | null;
  /** US dollars; null where the price isn't known. */
  cost: number | null;
  changed: string[];
}

export interface RunParams {
  kind: string;
  uri: string;
  range: Range;
  version?: number;
  instruction?: string;
  model?: string;
  diagnostic?: string;
}

export interface RunResult {
  task: string | null;
}

export interface TaskParams {
  task?: string;
}

export interface TasksResult {
  tasks: TaskInfo[];
}

/** What each command takes and answers. */
export interface Commands {
  "phasr.run": { takes: RunParams; answers: RunResult };
  "phasr.cancel": { takes: TaskParams; answers: TasksResult };
  "phasr.cancelAll": { takes: undefined; answers: TasksResult };
  "phasr.apply": { takes: TaskParams; answers: TasksResult };
  "phasr.discard": { takes: TaskParams; answers: TasksResult };
  "phasr.status": { takes: undefined; answers: TasksResult };
  "phasr.installModel": { takes: undefined; answers: null };
}

export const taskChanged = new NotificationType<TaskInfo>("phasr/taskChanged");
