import { workspace, type WorkspaceConfiguration } from "vscode";

/** The settings that are the server's; the others, such as `phasr.server.command`, are the client's own. */
const names = ["model", "tiers", "kinds", "apply", "limits", "preload", "models", "embedded"];

function isSet(configuration: WorkspaceConfiguration, name: string): boolean {
  const found = configuration.inspect(name);
  return [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue].some(
    (value) => value !== undefined,
  );
}

/** What the user has set, for the server: defaults stay out, since they would win over its configuration file. */
export function serverSettings(): Record<string, unknown> {
  const configuration = workspace.getConfiguration("phasr");
  const set = names.filter((name) => isSet(configuration, name));
  return Object.fromEntries(set.map((name) => [name, configuration.get<unknown>(name)]));
}

export function serverCommand(): string[] {
  return workspace.getConfiguration("phasr").get("server.command", ["phasr", "serve"]);
}
