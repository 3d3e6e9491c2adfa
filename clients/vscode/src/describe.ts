import type { TaskInfo, TaskState } from "./protocol";

const icons: Record<TaskState, string> = {
  queued: "$(clock)",
  running: "$(sync~spin)",
  verifying: "$(beaker)",
  ready: "$(eye)",
  applying: "$(edit)",
  applied: "$(check)",
  conflicted: "$(git-merge)",
  failed: "$(error)",
  cancelled: "$(circle-slash)",
  discarded: "$(trash)",
  interrupted: "$(debug-disconnect)",
  undone: "$(discard)",
};

/** `$(check) Write tests · shop.py`, with the icon of the task's state. */
export function label(task: TaskInfo): string {
  return `${icons[task.state]} ${task.title}`;
}

/** State, model, time, tokens and cost, as far as they are known. */
export function facts(task: TaskInfo): string {
  const parts = [task.state, task.model, `${task.seconds.toFixed(1)} s`];
  if (task.inputTokens !== null && task.outputTokens !== null) {
    parts.push(`${task.inputTokens} in, ${task.outputTokens} out`);
  }
  if (task.cost !== null) {
    parts.push(`$${task.cost.toFixed(4)}`);
  }
  return parts.filter((part) => part !== null).join(" · ");
}
