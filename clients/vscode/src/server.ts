import { commands, env, EventEmitter, Uri, ViewColumn, window, type Disposable } from "vscode";
import {
  DidChangeConfigurationNotification,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  type ShowDocumentParams,
  type ShowDocumentResult,
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
      window: {
        showDocument: (params, token, next) =>
          params.external === true || params.takeFocus === true
            ? next(params, token)
            : showBeside(params),
      },
    },
  };
}

/** Shows a result to look at without taking the place of the text that somebody may be typing into. */
async function showBeside({ uri }: ShowDocumentParams): Promise<ShowDocumentResult> {
  await window.showTextDocument(Uri.parse(uri), {
    viewColumn: ViewColumn.Beside,
    preserveFocus: true,
  });
  return { success: true };
}

/** The server's process and the connection to it. */
export class Server implements Disposable {
  private client: LanguageClient | undefined;
  private starting: Promise<void> = Promise.resolve();
  private readonly stateChanged = new EventEmitter<undefined>();
  readonly onDidChangeState = this.stateChanged.event;

  constructor(private readonly tasks: Tasks) {}

  /** Starts the server, or says why it can't. */
  start(): Promise<void> {
    this.starting = this.launch();
    return this.starting;
  }

  private async launch(): Promise<void> {
    const [name = "", ...args] = serverCommand();
    const command = findExecutable(name);
    if (command === undefined) {
      void explainMissing(name);
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

  /** The running client, once it runs; undefined, after a word to the user, when there is none. */
  async connected(): Promise<LanguageClient | undefined> {
    await this.starting;
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
    const client = await this.connected();
    return (await client?.sendRequest(ExecuteCommandRequest.type, params)) as
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
    const where = env.remoteName === undefined ? "openSettings" : "openRemoteSettings";
    await commands.executeCommand(`workbench.action.${where}`, { query: "phasr.server.command" });
  } else if (choice === "Try Again") {
    await commands.executeCommand("phasr.client.restart");
  }
}
