// Formats Lua as stylua does, by its WebAssembly build: `node format-lua.mjs [--check] FOLDER`.
// The options are those of the folder's stylua.toml, which people's own stylua reads.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Config,
  IndentType,
  LuaVersion,
  OutputVerification,
  QuoteStyle,
  formatCode,
} from "@johnnymorganz/stylua";

const check = process.argv.includes("--check");
const folder = process.argv.at(-1);

/** The options of a stylua.toml, which has plain `key = value` lines alone. */
function readOptions(path) {
  const lines = readFileSync(path, "utf8").matchAll(/^(\w+) = "?(\w+)"?$/gm);
  return Object.fromEntries(Array.from(lines, ([, key, value]) => [key, value]));
}

const options = readOptions(join(folder, "stylua.toml"));

/** The configuration; `formatCode` consumes what it is given, so each file needs its own. */
function configuration() {
  const config = Config.new();
  config.syntax = LuaVersion.LuaJIT;
  config.column_width = Number(options.column_width);
  config.indent_type = IndentType[options.indent_type];
  config.indent_width = Number(options.indent_width);
  config.quote_style = QuoteStyle[options.quote_style];
  return config;
}

const paths = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".lua"));
for (const path of paths) {
  const text = readFileSync(join(folder, path), "utf8");
  const formatted = formatCode(text, configuration(), undefined, OutputVerification.Full);
  if (formatted === text) continue;
  if (check) {
    console.error(`${path} is not formatted`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(folder, path), formatted);
    console.log(`formatted ${path}`);
  }
}
