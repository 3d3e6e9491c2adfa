import { EventEmitter } from "vscode";
import type { TaskInfo, TaskState } from "./protocol";

const atWork: ReadonlySet<TaskState> = new Set(["queued", "running", "verifying", "applying"]);
const undecided: ReadonlySet<TaskState> = new Set(["ready", "conflicted"]);

/** Something goes on that can be cancelled. */
export function isAtWork(task: TaskInfo): boolean {
  return atWork.has(task.state);
}

/** The task has a result that waits to be applied or discarded. */
export function isUndecided(task: TaskInfo): boolean {
  return undecided.has(task.state);
}

/** The server's last word on each task. */
export class Tasks {
  private readonly byId = new Map<string, TaskInfo>();
  private readonly changed = new EventEmitter<undefined>();
  readonly onDidChange = this.changed.event;

  update(task: TaskInfo): void {
    this.byId.set(task.task, task);
    this.changed.fire(undefined);
  }

  clear(): void {
    this.byId.clear();
    this.changed.fire(undefined);
  }

  filter(predicate: (task: TaskInfo) => boolean): TaskInfo[] {
    return [...this.byId.values()].filter(predicate);
  }

  dispose(): void {
    this.changed.dispose();
  }
}
