import { commands, languages, Uri, window, type Disposable, type QuickPickItem } from "vscode";
import {
  CodeActionRequest,
  CodeActionTriggerKind,
  type CodeAction,
} from "vscode-languageclient/node";
import { facts, label } from "./describe";
import type { RunParams, TaskInfo } from "./protocol";
import type { Server } from "./server";
import { isAtWork, isUndecided } from "./tasks";

interface Choice<T> extends QuickPickItem {
  value: T;
}

/** Registers what stands in the palette. The server's own commands are registered by the client library. */
export function registerCommands(server: Server): Disposable[] {
  const handlers: Record<string, () => Promise<unknown>> = {
    run: () => run(server),
    cancel: () => cancel(server),
    cancelAll: () => server.execute("phasr.cancelAll"),
    apply: () => decide(server, "phasr.apply", "Apply which result?"),
    discard: () => decide(server, "phasr.discard", "Discard which result?"),
    status: () => showStatus(server),
    installModel: () => server.execute("phasr.installModel"),
    restart: () => server.restart(),
  };
  return Object.entries(handlers).map(([name, handler]) =>
    commands.registerCommand(`phasr.client.${name}`, handler),
  );
}

/** Offers the kinds that fit the selection, as the server's code actions name them. */
async function run(server: Server): Promise<void> {
  const editor = window.activeTextEditor;
  const client = await server.connected();
  if (editor === undefined || client === undefined) {
    return;
  }
  const { document, selection } = editor;
  const near = languages
    .getDiagnostics(document.uri)
    .filter((diagnostic) => diagnostic.range.intersection(selection) !== undefined);
  const actions = await client.sendRequest(CodeActionRequest.type, {
    textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
    range: client.code2ProtocolConverter.asRange(selection),
    context: {
      diagnostics: await client.code2ProtocolConverter.asDiagnostics(near),
      triggerKind: CodeActionTriggerKind.Invoked,
    },
  });
  const choices = (actions ?? []).flatMap((action) => {
    const value = runParams(action as CodeAction);
    return value === undefined ? [] : [{ label: action.title, value }];
  });
  if (choices.length === 0) {
    void window.showInformationMessage("Phasr: no task fits here. Put the cursor on a function.");
    return;
  }
  const choice = await window.showQuickPick(choices, { title: "Phasr: Run", matchOnDetail: true });
  if (choice !== undefined) {
    await server.execute("phasr.run", choice.value);
  }
}

function runParams(action: CodeAction): RunParams | undefined {
  return action.command?.command === "phasr.run"
    ? (action.command.arguments?.[0] as RunParams | undefined)
    : undefined;
}

async function tasksThat(
  server: Server,
  predicate: (task: TaskInfo) => boolean,
): Promise<TaskInfo[] | undefined> {
  const result = await server.execute("phasr.status");
  return result?.tasks.filter(predicate).reverse();
}

function taskChoice(task: TaskInfo): Choice<TaskInfo> {
  return {
    label: label(task),
    description: facts(task),
    ...(task.message !== null && { detail: task.message }),
    value: task,
  };
}

async function cancel(server: Server): Promise<void> {
  const running = await tasksThat(server, isAtWork);
  if (running === undefined) {
    return;
  }
  if (running.length === 0) {
    void window.showInformationMessage("Phasr: no task is at work.");
    return;
  }
  const all = { label: `$(stop-circle) Cancel all ${running.length}`, value: undefined };
  const choices: Choice<TaskInfo | undefined>[] = running.map(taskChoice);
  const choice = await window.showQuickPick(running.length > 1 ? [...choices, all] : choices, {
    title: "Phasr: Cancel which task?",
  });
  if (choice?.value !== undefined) {
    await server.execute("phasr.cancel", { task: choice.value.task });
  } else if (choice !== undefined) {
    await server.execute("phasr.cancelAll");
  }
}

async function decide(
  server: Server,
  command: "phasr.apply" | "phasr.discard",
  question: string,
): Promise<void> {
  const waiting = await tasksThat(server, isUndecided);
  if (waiting === undefined) {
    return;
  }
  if (waiting.length === 0) {
    void window.showInformationMessage("Phasr: no result waits for a decision.");
    return;
  }
  const choice = await window.showQuickPick(waiting.map(taskChoice), {
    title: `Phasr: ${question}`,
  });
  if (choice !== undefined) {
    await server.execute(command, { task: choice.value.task });
  }
}

/** Lists every task, newest first; choosing one offers what can be done with it. */
async function showStatus(server: Server): Promise<void> {
  const tasks = await tasksThat(server, () => true);
  if (tasks === undefined) {
    return;
  }
  if (tasks.length === 0) {
    void window.showInformationMessage("Phasr: no task has been started.");
    return;
  }
  const choice = await window.showQuickPick(tasks.map(taskChoice), { title: "Phasr: Tasks" });
  if (choice === undefined) {
    return;
  }
  const next = await window.showQuickPick(stepsFor(server, choice.value), {
    title: choice.value.title,
  });
  await next?.value();
}

function stepsFor(server: Server, task: TaskInfo): Choice<() => Promise<unknown>>[] {
  const id = { task: task.task };
  const steps: Choice<() => Promise<unknown>>[] = [];
  if (isAtWork(task)) {
    steps.push({ label: "$(stop-circle) Cancel", value: () => server.execute("phasr.cancel", id) });
  }
  if (isUndecided(task)) {
    steps.push(
      { label: "$(check) Apply", value: () => server.execute("phasr.apply", id) },
      { label: "$(trash) Discard", value: () => server.execute("phasr.discard", id) },
    );
  }
  for (const uri of new Set([task.uri, ...task.changed])) {
    const target = Uri.parse(uri);
    steps.push({
      label: `$(go-to-file) Open ${target.path.split("/").at(-1) ?? ""}`,
      value: async () => window.showTextDocument(target),
    });
  }
  return steps;
}
