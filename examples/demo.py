"""The main job before your eyes: a real server, a real project, several tasks at once.

Starts `phasr serve` as a process over stdio, opens a copy of `examples/shop` with a git history and a file with
unsaved changes, chooses code actions as an editor would, and shows what became of each.
"""

import argparse
import ast
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import git
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from examples.editor import Applied, Editor, plain
from phasr_lsp.domain.change import ChangeSet, FileChange, unified_diff

SHOP = Path(__file__).parent / "shop"
EMBEDDED = "embedded/qwen2.5-coder-1.5b"
LIMIT_SECONDS = 1500
"""For the whole demo, on a machine where a task takes minutes."""

UNSAVED = """

def cheapest(carts: list[Cart]) -> Cart | None:
    # phasr: return the cart with the lowest total, or None if there are no carts
    raise NotImplementedError
"""
"""What the user has typed below `cart.py` and not saved."""


@dataclass(frozen=True)
class Wish:
    """A code action to choose."""

    file: str
    at: str
    """The cursor stands at the first occurrence of this."""
    title: str
    """How the action's title begins."""
    diagnostic: str | None = None


WISHES = (
    Wish("shop/prices.py", "def discounted", "Write tests"),
    Wish("shop/prices.py", "def parse_price", "Document"),
    Wish("shop/prices.py", "def format_price", "Add types"),
    Wish("shop/stock.py", "def remove", "Add error handling"),
    Wish("shop/stock.py", "math.ceil", "Fix:", 'Undefined name "math"'),
    Wish("shop/cart.py", "def most_expensive", "Implement"),
    Wish("shop/cart.py", "# phasr:", "Do:"),
)


def main() -> int:
    """Run the demo; 0 only if edits were applied, all of them are in the buffers, and every such file parses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", help="such as ollama/llama3.1 or anthropic/claude-haiku-5-5")
    model = parser.parse_args().model
    console = Console(width=None if sys.stdout.isatty() else 110)
    if model is None:
        model = _embedded(console)
        if model is None:
            return 1
    with _project() as project:
        try:
            return asyncio.run(asyncio.wait_for(_run(console, project, model), LIMIT_SECONDS))
        except KeyboardInterrupt:
            console.print("Stopped.")
            return 130
        except TimeoutError:
            console.print(f"[red]It took longer than {LIMIT_SECONDS} s; given up.")
            return 1


def _embedded(console: Console) -> str | None:
    """Install the embedded model if it isn't here; the smaller one where the larger can't be had."""
    for name in (EMBEDDED, EMBEDDED.replace("1.5b", "0.5b")):
        console.print(f"[bold]{name}[/bold] runs on this machine's processor; no key and no account is needed.")
        command = [sys.executable, "-m", "phasr_lsp", "model", "install", name]
        if subprocess.run(command, check=False).returncode == 0:
            return name
    console.print("No embedded model can be had here. Run it on another: make demo MODEL=provider/name")
    return None


@contextmanager
def _project() -> Iterator[Path]:
    """A copy of the shop as a git repository with two commits."""
    with tempfile.TemporaryDirectory(prefix="phasr-demo-") as folder:
        project = Path(folder).resolve() / "shop"
        shutil.copytree(SHOP, project, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        author = git.Actor("Demo", "demo@localhost")
        with git.Repo.init(project, initial_branch="main") as repository:
            for message, files in (
                ("Begin a shop", ["README.md", "pyproject.toml"]),
                ("Sell", ["shop", "tests"]),
            ):
                repository.index.add(files)
                repository.index.commit(message, author=author, committer=author)
        yield project


@asynccontextmanager
async def _server(project: Path) -> Any:
    """A server process with our editor at its other end, initialized, and shut down in the end."""
    client = LanguageClient("phasr-demo", "1")
    editor = Editor(client)
    # In a session of its own: Ctrl-C reaches the demo alone, which then shuts the server down in order.
    command = (sys.executable, "-m", "phasr_lsp", "serve")
    await client.start_io(*command, cwd=project, env=dict(os.environ), start_new_session=True)
    await client.initialize_async(
        types.InitializeParams(
            capabilities=_capabilities(),
            client_info=types.ClientInfo("phasr-demo"),
            workspace_folders=[types.WorkspaceFolder(project.as_uri(), project.name)],
        )
    )
    client.initialized(types.InitializedParams())
    try:
        yield editor
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()


def _capabilities() -> types.ClientCapabilities:
    return types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            apply_edit=True,
            workspace_edit=types.WorkspaceEditClientCapabilities(
                document_changes=True, resource_operations=[types.ResourceOperationKind.Create]
            ),
        ),
        window=types.WindowClientCapabilities(work_done_progress=True),
        experimental={"phasr": {"taskChanged": True}},
    )


async def _run(console: Console, project: Path, model: str) -> int:
    async with _server(project) as editor:
        for name in dict.fromkeys(wish.file for wish in WISHES):
            editor.open(project / name)
        cart = (project / "shop/cart.py").as_uri()
        editor.type(cart, len(editor.text(cart)), UNSAVED)
        console.print(f"\n{len(WISHES)} tasks on [bold]{model}[/bold]; shop/cart.py has unsaved changes.\n")
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            tasks = [await _choose(editor, project, wish, model) for wish in WISHES]
            showing = asyncio.create_task(_show_live(live, editor, tasks))
            await asyncio.gather(*(editor.ended(task) for task in tasks))
            showing.cancel()
        for task in tasks:
            _show(console, editor, task)
        console.print(_table(editor, tasks, live=False))
        return _verdict(console, editor, tasks)


async def _choose(editor: Editor, project: Path, wish: Wish, model: str) -> str:
    """Open the code-action menu where the wish says and take its entry; returns the task."""
    uri = (project / wish.file).as_uri()
    offset = editor.text(uri).index(wish.at)
    diagnostics = (
        [types.Diagnostic(editor.range(uri, offset, offset + 4), wish.diagnostic)] if wish.diagnostic else []
    )
    menu = await editor.actions(uri, offset, diagnostics)
    action = next(action for title, action in menu.items() if title.startswith(wish.title))
    assert action.command
    assert action.command.arguments
    argument = {**plain(action.command.arguments[0]), "model": model}
    return (await editor.execute(action.command.command, argument))["task"]


async def _show_live(live: Live, editor: Editor, tasks: list[str]) -> None:
    while True:
        live.update(_table(editor, tasks, live=True))
        await asyncio.sleep(0.25)


def _table(editor: Editor, tasks: list[str], *, live: bool) -> Table:
    """What is known of the tasks; while they run also what their progress bars say."""
    table = Table("task", "kind", "state", "tokens in/out", "cost", "time", box=None, pad_edge=False)
    if live:
        table.add_column("progress")
    for task_id in tasks:
        task = editor.tasks.get(task_id)
        if task is None:
            continue
        tokens = "-" if task["inputTokens"] is None else f"{task['inputTokens']}/{task['outputTokens']}"
        row = [
            Text(task["title"], overflow="ellipsis", no_wrap=True),
            task["kind"],
            Text(task["state"], style=_COLOURS.get(task["state"], "cyan")),
            tokens,
            _cost(task),
            f"{task['seconds']:.1f} s",
        ]
        table.add_row(*row, *([_progress(editor, task_id)] if live else []))
    return table


_COLOURS = {"applied": "green", "failed": "red", "conflicted": "yellow"}


def _cost(task: dict[str, Any]) -> str:
    if task["inputTokens"] is None:
        return "-"
    return "unknown" if task["cost"] is None else f"${task['cost']:.4f}"


def _progress(editor: Editor, task_id: str) -> str:
    for token, values in editor.progress.items():
        if f"({task_id})" in str(token) and values:
            return str(values[-1].get("message") or "")
    return ""


def _edit_of(editor: Editor, task: dict[str, Any]) -> Applied | None:
    """The edit that carried the task's result; the server names it by the task's title."""
    return next((edit for edit in editor.applied if edit.label == task["title"]), None)


def _show(console: Console, editor: Editor, task_id: str) -> None:
    """What became of one task."""
    task = editor.tasks[task_id]
    edit = _edit_of(editor, task)
    tokens = f"{task['inputTokens']} tokens in, {task['outputTokens']} out, {_cost(task)}"
    heading = f"{task['title']} · {task['state']}"
    under = f"{task['kind']} · {task['model'] or 'no model'} · {tokens} · {task['seconds']:.1f} s"
    if edit is None:
        console.print(
            Panel(
                Text(task["message"] or "No edit."),
                title=heading,
                title_align="left",
                subtitle=under,
                subtitle_align="left",
            )
        )
        return
    changes = ChangeSet(
        tuple(FileChange(uri, _name(uri), edit.before[uri], text) for uri, text in edit.after.items())
    )
    diff = Syntax(unified_diff(changes), "diff", theme="ansi_dark", word_wrap=True, background_color="default")
    parts = Group(diff) if not task["message"] else Group(Text(task["message"]), diff)
    console.print(Panel(parts, title=heading, title_align="left", subtitle=under, subtitle_align="left"))


def _name(uri: str) -> str:
    path = Path(unquote(urlparse(uri).path))
    return path.relative_to(next(parent for parent in path.parents if (parent / ".git").exists())).as_posix()


def _verdict(console: Console, editor: Editor, tasks: list[str]) -> int:
    """0 if something was applied, all that was applied is in the buffers, and each such file parses."""
    edits = [edit for task in tasks if (edit := _edit_of(editor, editor.tasks[task]))]
    wrong: list[str] = []
    for uri in {uri for edit in edits for uri in edit.after}:
        try:
            ast.parse(editor.text(uri))
        except SyntaxError as error:
            wrong.append(f"{_name(uri)} no longer parses: {error}")
    for edit in edits:
        for uri, after in edit.after.items():
            gone = (
                set(after.splitlines())
                - set((edit.before[uri] or "").splitlines())
                - set(editor.text(uri).splitlines())
            )
            if gone and not any(other is not edit and uri in other.after for other in edits):
                wrong.append(f"{_name(uri)} lacks lines of {edit.label}")
    states = [editor.tasks[task]["state"] for task in tasks]
    console.print(f"\n{states.count('applied')} of {len(tasks)} tasks applied; {len(wrong)} problems.")
    for problem in wrong:
        console.print(f"[red]{problem}")
    return 1 if wrong or not edits else 0


if __name__ == "__main__":
    sys.exit(main())
