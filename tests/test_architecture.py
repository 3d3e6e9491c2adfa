"""What the layers promise: who imports whom, what is loaded when, which names belong together."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from examples import demo
from phasr_lsp.adapters.data_files import catalogue
from phasr_lsp.domain.config import Config
from phasr_lsp.lsp import server
from phasr_lsp.lsp.protocol import Command
from tests import embedded
from tests.raw import message

Json = dict[str, Any]
REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "server" / "phasr_lsp"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 500
LATE = ("litellm", "openai", "git", "xllamacpp", "huggingface_hub", "tree_sitter", "pydantic", "phasr_lsp.engine")
"""What `initialize` must not wait for."""
HEAVY = ("litellm", "openai", "xllamacpp", "huggingface_hub", "git")
"""What only a task, or an installation, is worth."""


# Imports.


def test_the_contracts_between_the_layers_hold() -> None:
    subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=REPOSITORY, check=True, timeout=60
    )


def test_layers_adapters_and_outside_things_have_a_contract_each() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert {"layers", "forbidden", "independence"} <= {contract["type"] for contract in contracts}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_litellm_stops_at_its_adapter(path: Path) -> None:
    if path.name.startswith("litellm_") and path.parent.name == "adapters":
        return
    assert "litellm" not in {name.partition(".")[0] for name in imports_of(path)}


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_server_is_imported_without_what_only_tasks_need() -> None:
    code = "import sys, phasr_lsp.lsp.server; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    ).stdout.split()
    assert "phasr_lsp.lsp.jsonrpc" in loaded
    assert among(loaded, LATE) == []


def among(modules: list[str], roots: tuple[str, ...]) -> list[str]:
    return [name for name in modules if any(name == root or name.startswith(f"{root}.") for root in roots)]


def test_a_running_server_loads_no_provider_library_before_its_first_task(tmp_path: Path) -> None:
    uri = (tmp_path / "shop.py").as_uri()
    document: Json = {"uri": uri, "languageId": "python", "version": 1, "text": "def f():\n    return 1\n"}
    place = {"start": {"line": 0, "character": 5}, "end": {"line": 0, "character": 5}}
    initialize: Json = {"capabilities": {}, "processId": None, "rootUri": tmp_path.as_uri()}
    asked: Json = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": []}}
    stream = b"".join(
        (
            message("initialize", initialize, 1),
            message("initialized", {}),
            message("textDocument/didOpen", {"textDocument": document}),
            message("textDocument/codeAction", asked, 2),
            message("workspace/executeCommand", {"command": "phasr.status"}, 3),
            message("shutdown", None, 4),
            message("exit", None),
        )
    )
    command = [sys.executable, "-X", "importtime", "-m", "phasr_lsp", "serve"]
    done = subprocess.run(command, input=stream, capture_output=True, timeout=20, check=True)

    assert b'"title":"Document"' in done.stdout.replace(b'": "', b'":"')
    loaded = re.findall(r"^import time:.*\| +(\S+)$", done.stderr.decode(), re.MULTILINE)
    assert {"phasr_lsp.engine.fleet", "pydantic"} <= set(loaded)
    assert among(loaded, HEAVY) == []


# The tables of the server.


def handlers() -> list[tuple[str, str]]:
    """Module and name of every handler that is imported late, as the server's source has them."""
    source = (PACKAGE / "lsp" / "server.py").read_text("utf-8")
    named = re.findall(r'_later\("(\w+)", "(\w+)"\)', source)
    return [*named, *(("commands", name) for name in re.findall(r"Command\.\w+: \"(\w+)\"", source))]


@pytest.mark.parametrize(("module", "name"), handlers())
def test_every_handler_in_the_tables_is_there(module: str, name: str) -> None:
    assert callable(getattr(import_module(f"phasr_lsp.lsp.handlers.{module}"), name))


def test_every_method_and_command_has_a_handler() -> None:
    late = [name for _, name in handlers()]
    methods = vars(server)["_METHODS"]
    assert set(vars(server)["_COMMANDS"]) == set(Command)
    assert set(methods) <= set(types.METHOD_TO_TYPES)
    assert len(late) == len(set(late)) == len(Command) + len(methods) - SYNCED


SYNCED = 4
"""`initialize`, and the three that the protocol class itself takes to the buffers."""


def test_every_handler_is_in_a_table() -> None:
    named = set(handlers())
    for path in sorted((PACKAGE / "lsp" / "handlers").glob("[!_]*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                assert (path.stem, node.name) in named


# The page.


def test_the_page_names_every_module_and_only_tests_that_are_there() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    modules = {path.stem for path in SOURCES if not path.stem.startswith("_")} - HANDLERS - PARTS
    assert {name for name in modules if f"`{name}`" not in page} == set()
    tests = "\n".join(path.read_text("utf-8") for path in REPOSITORY.glob("tests/**/test_*.py"))
    named = re.findall(r"::(test_\w+)", page)
    assert len(named) > 15
    assert {name for name in named if f"def {name}(" not in tests} == set()
    files = {path.name for path in REPOSITORY.glob("tests/**/test_*.py")}
    assert set(re.findall(r"\btest_\w+\.py", page)) <= files


HANDLERS = {path.stem for path in (PACKAGE / "lsp" / "handlers").glob("*.py")}
PARTS = {path.stem for path in (PACKAGE / "adapters" / "model_store").glob("*.py")}
"""Of a package that the page names as a whole."""


# Shape.


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_too_long_to_read(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda path: path.name)
def test_every_package_says_what_it_is(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))


@pytest.mark.parametrize("layer", ["domain", "engine", "adapters", "lsp"])
def test_every_layer_says_what_it_will_never_know(layer: str) -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / layer / "__init__.py").read_text("utf-8"))) or ""
    assert re.search(r"will never|no I/O|never know", text)


# Names that are written in several places.


def test_the_embedded_models_have_one_name_each() -> None:
    names = catalogue().embedded
    assert Config().embedded.model == demo.EMBEDDED == embedded.MODEL == names[0]
    pages = [*REPOSITORY.glob("docs/*.md"), REPOSITORY / "README.md", REPOSITORY / "clients/vscode/package.json"]
    pages += SOURCES
    for page in pages:
        written = re.findall(r"embedded/[a-z0-9][\w.-]*[\w]", page.read_text("utf-8"))
        assert set(written) <= set(names), page


def test_what_an_embedded_model_needs_is_in_the_profiles() -> None:
    [profile] = [profile for profile in catalogue().profiles if profile.match == "embedded/*"]
    assert profile == catalogue().profiles[0]


def test_the_version_is_the_same_everywhere() -> None:
    from phasr_lsp import __version__

    assert f'\nversion = "{__version__}"\n' in (REPOSITORY / "pyproject.toml").read_text("utf-8")
    extension = json.loads((REPOSITORY / "clients/vscode/package.json").read_text("utf-8"))
    assert extension["version"] == __version__
    assert extension["publisher"] + "." + extension["name"] == "phasr.phasr-lsp"
