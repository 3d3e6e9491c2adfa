import { MarkdownString, StatusBarAlignment, window, type Disposable } from "vscode";
import { facts, label } from "./describe";
import type { Server } from "./server";
import { isAtWork, isUndecided, type Tasks } from "./tasks";

/** Shows how many tasks run or wait; a click offers to cancel, or to decide. */
export class StatusBar implements Disposable {
  private readonly item = window.createStatusBarItem("phasr.tasks", StatusBarAlignment.Left);
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly server: Server,
    private readonly tasks: Tasks,
  ) {
    this.item.name = "Phasr";
    const show = () => {
      this.show();
    };
    this.subscriptions = [tasks.onDidChange(show), server.onDidChangeState(show)];
    this.show();
  }

  private show(): void {
    const running = this.tasks.filter(isAtWork);
    const waiting = this.tasks.filter(isUndecided);
    if (!this.server.isRunning) {
      this.item.text = "$(circle-slash) Phasr: not running";
      this.item.command = "phasr.client.restart";
    } else if (running.length > 0) {
      this.item.text = `$(sync~spin) Phasr: ${running.length} running`;
      this.item.command = "phasr.client.cancel";
    } else if (waiting.length > 0) {
      this.item.text = `$(eye) Phasr: ${waiting.length} to review`;
      this.item.command = "phasr.client.status";
    } else {
      this.item.text = "$(check) Phasr";
      this.item.command = "phasr.client.status";
    }
    this.item.tooltip = new MarkdownString(
      [...running, ...waiting].map((task) => `${label(task)} — ${facts(task)}`).join("\n\n"),
      true,
    );
    this.item.show();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.item.dispose();
  }
}
