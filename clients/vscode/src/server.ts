import { commands, EventEmitter, window, type Disposable } from "vscode";
import {
  DidChangeConfigurationNotification,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  type StaticFeature,
} from "vscode-languageclient/node";
import { findExecutable } from "./executable";
import { taskChanged, type Commands } from "./protocol";
import { serverCommand, serverSettings } from "./settings";
import type { Tasks } from "./tasks";

/** Tells the server that `phasr/taskChanged` is listened for. */
const taskNotifications: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = {
      ...(capabilities.experimental as object | undefined),
      phasr: { taskChanged: true },
    };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

function clientOptions(): LanguageClientOptions {
  return {
    documentSelector: [{ scheme: "file" }],
    initializationOptions: serverSettings,
    middleware: {
      workspace: {
        configuration: (params, token, next) =>
          params.items.every((item) => item.section === "phasr")
            ? params.items.map(serverSettings)
            : next(params, token),
      },
    },
  };
}

/** The server's process and the connection to it. */
export class Server implements Disposable {
  private client: LanguageClient | undefined;
  private readonly stateChanged = new EventEmitter<undefined>();
  readonly onDidChangeState = this.stateChanged.event;

  constructor(private readonly tasks: Tasks) {}

  /** Starts the server, or says why it can't. */
  async start(): Promise<void> {
    const [name = "", ...args] = serverCommand();
    const command = findExecutable(name);
    if (command === undefined) {
      await explainMissing(name);
      return;
    }
    const client = new LanguageClient("phasr", "Phasr", { command, args }, clientOptions());
    client.registerFeature(taskNotifications);
    client.onNotification(taskChanged, (task) => {
      this.tasks.update(task);
    });
    client.onDidChangeState(() => {
      this.stateChanged.fire(undefined);
    });
    this.client = client;
    await client.start();
  }

  get isRunning(): boolean {
    return this.client?.isRunning() === true;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.tasks.clear();
    if (client?.needsStop() === true) {
      await client.stop();
    }
    await client?.dispose();
  }

  /** The running client; undefined, after a word to the user, when there is none. */
  connected(): LanguageClient | undefined {
    if (this.client?.isRunning() === true) {
      return this.client;
    }
    void window
      .showWarningMessage("Phasr: the server isn't running.", "Start It")
      .then((choice) => choice && commands.executeCommand("phasr.client.restart"));
    return undefined;
  }

  /** Executes one of the server's commands; undefined when the server isn't running. */
  async execute<Name extends keyof Commands>(
    command: Name,
    argument?: Commands[Name]["takes"],
  ): Promise<Commands[Name]["answers"] | undefined> {
    const params = { command, arguments: argument === undefined ? [] : [argument] };
    return (await this.connected()?.sendRequest(ExecuteCommandRequest.type, params)) as
      Commands[Name]["answers"] | undefined;
  }

  /** Tells the running server, if there is one, what the settings are now. */
  async configure(): Promise<void> {
    if (this.client?.isRunning() === true) {
      const settings = { phasr: serverSettings() };
      await this.client.sendNotification(DidChangeConfigurationNotification.type, { settings });
    }
  }

  dispose(): void {
    this.stateChanged.dispose();
    void this.stop();
  }
}

async function explainMissing(name: string): Promise<void> {
  const choice = await window.showErrorMessage(
    `Phasr: the server command "${name}" was not found. ` +
      "Install the package phasr-lsp so that it is on your PATH, or say where it is.",
    "Set the Command",
    "Try Again",
  );
  if (choice === "Set the Command") {
    await commands.executeCommand("workbench.action.openSettings", "phasr.server.command");
  } else if (choice === "Try Again") {
    await commands.executeCommand("phasr.client.restart");
  }
}
