import { workspace, type ExtensionContext } from "vscode";
import { registerCommands } from "./commands";
import { Server } from "./server";
import { StatusBar } from "./statusBar";
import { Tasks } from "./tasks";

let server: Server | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  const tasks = new Tasks();
  const started = new Server(tasks);
  server = started;
  context.subscriptions.push(
    tasks,
    started,
    new StatusBar(started, tasks),
    ...registerCommands(started),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("phasr.server.command")) {
        void started.restart();
      } else if (event.affectsConfiguration("phasr")) {
        void started.configure();
      }
    }),
  );
  await started.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
