// Drives VS Code in a browser on behalf of a test: one JSON object a line comes in, `{id, verb, args}`, and
// one goes out, `{id, result}` or `{id, error}`. The verbs are small on purpose; what a test means by them
// is in vscode.py.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
let page;

const verbs = {
  async open({ url }) {
    await page?.close({ runBeforeUnload: false });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(60_000);
    page.on("dialog", (dialog) => dialog.accept());
    await page.goto(url);
    await page.locator(".monaco-workbench .statusbar").waitFor();
  },
  press: ({ keys }) => page.keyboard.press(keys),
  type: ({ text }) => page.keyboard.insertText(text),
  /** With `force` it isn't waited until the element holds still, which entries of a menu never seem to do. */
  click: ({ selector, text, force }) =>
    page.locator(selector, { hasText: text }).first().click({ force }),
  /** Waits until an element that matches is (not) there. */
  see: ({ selector, text, gone, seconds }) =>
    page
      .locator(selector, { hasText: text })
      .first()
      .waitFor({ state: gone ? "hidden" : "visible", timeout: seconds * 1000 }),
  texts: ({ selector }) => page.locator(selector).allInnerTexts(),
  /** The active editor's lines from top to bottom: they stand in the document in any order. */
  lines: () =>
    page.locator(".editor-group-container.active .editor-instance .view-line").evaluateAll((lines) =>
      lines
        .toSorted((one, other) => parseInt(one.style.top) - parseInt(other.style.top))
        .map((line) => line.textContent.replaceAll("\u00a0", " ")),
    ),
  screenshot: ({ path }) => page.screenshot({ path }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line);
  let answer;
  try {
    answer = { id, result: (await verbs[verb](args)) ?? null };
  } catch (error) {
    answer = { id, error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
