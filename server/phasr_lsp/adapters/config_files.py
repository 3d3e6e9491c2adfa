"""The configuration files: where they lie, what stands in them, and at which place."""

import re
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import platformdirs

from phasr_lsp.domain.config import Config
from phasr_lsp.domain.config_check import KeyPath, Mistake, Settings
from phasr_lsp.domain.config_layers import Known, KnownModels, Layer, assemble, merged
from phasr_lsp.domain.problem import Place, Problem
from phasr_lsp.domain.route import Available, Catalogue

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_BYTES = 262_144
MAX_DEPTH = 8
EDITORS_OWN_KEYS = ("server", "trace")
"""Keys under `phasr` that are addressed to the editor's client rather than to the server."""


@dataclass(frozen=True)
class Loaded:
    config: Config
    problems: tuple[Problem, ...]


def user_config_file() -> Path:
    return platformdirs.user_config_path("phasr", appauthor=False) / "config.toml"


def workspace_config_file(folder: Path) -> Path:
    return folder / ".phasr" / "config.toml"


def modified(path: Path) -> int | None:
    """When the plain file was last written, in nanoseconds; None where there is none.

    -1 where that can't be found out: it may be there, and reading it says what is the matter.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return -1
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else None


def load(
    user_file: Path,
    workspace_files: Sequence[Path],
    editor_settings: Mapping[str, Any] | None,
    *,
    catalogue: Catalogue,
    known_models: KnownModels,
    known_kinds: Collection[str],
    environ: Mapping[str, str],
) -> Loaded:
    """Read every source and put them together; of several workspace files the first that exists counts.

    Nothing is raised: what can't be read or used is left out and becomes a problem.
    """
    workspace_file = next((path for path in workspace_files if modified(path) is not None), None)
    sources = {
        Layer.USER: _read(user_file),
        Layer.WORKSPACE: _read(workspace_file) if workspace_file else _Source(None),
        Layer.EDITOR: _Source(None, settings=_from_editor(editor_settings or {})),
    }
    known = Known(catalogue, known_models, known_kinds, Available.of(environ), _with_tilde(user_file))
    config, mistakes = assemble({layer: source.settings for layer, source in sources.items()}, known)
    if config.embedded.file:
        embedded = config.embedded.model_copy(update={"file": config.embedded.file.expanduser()})
        config = config.model_copy(update={"embedded": embedded})
    problems = (problem for layer, source in sources.items() for problem in source.located(mistakes[layer]))
    return Loaded(config, tuple(problems))


def editor_settings(options: Settings, now: Settings) -> dict[str, Any]:
    """What the editor answers `now`, over what its initializationOptions had, table by table."""
    return merged(_section(options), _section(now))


@dataclass(frozen=True)
class _Source:
    path: Path | None
    text: str = ""
    settings: Settings = field(default_factory=dict[str, Any])
    problem: Problem | None = None
    """Why the file, or the rest of it, doesn't count."""

    def located(self, mistakes: Sequence[Mistake]) -> list[Problem]:
        """The problems of this source in the order in which they stand in it."""
        places = _Places(self.text) if mistakes and self.path else None
        problems = [
            Problem(
                self.path,
                places.of(mistake.path, mistake.in_value) if places else Place(),
                mistake.message,
            )
            for mistake in mistakes
        ]
        if self.problem:
            problems.append(self.problem)
        return sorted(problems, key=lambda problem: (problem.place.line, problem.place.column))


def _from_editor(settings: Settings) -> dict[str, Any]:
    """The editor's settings without what it left unset: clients send null or "" for that."""
    return {key: value for key, value in _set_values(_section(settings)).items() if key not in EDITORS_OWN_KEYS}


def _section(settings: Settings) -> Settings:
    """Some editors have one place for what they send at the start and what they answer when asked for the section
    `phasr`; there, everything stands under that name at the start."""
    section: Any = settings.get("phasr")
    return cast(Settings, section) if isinstance(section, Mapping) else settings


def _set_values(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _set_values(cast(Settings, value)) if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if value is not None and value != ""
    }


def _read(path: Path) -> _Source:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return _Source(path)
    except OSError as error:
        return _Source(path, problem=Problem(path, Place(), f"Can't be read: {error.strerror}."))
    except UnicodeDecodeError:
        return _Source(path, problem=Problem(path, Place(), "Isn't UTF-8 text. Save it as UTF-8."))
    if len(content) > MAX_BYTES:
        message = f"Is longer than {MAX_BYTES} bytes and isn't read."
        return _Source(path, problem=Problem(path, Place(), message))
    try:
        return _Source(path, text, _parse(text))
    except ValueError as error:
        return _before_error(path, text, str(error))


def _parse(text: str) -> dict[str, Any]:
    """Raises ValueError; tomllib's own is one."""
    try:
        settings = tomllib.loads(text, parse_float=Decimal)
    except RecursionError as error:
        raise ValueError("Is nested too deeply") from error
    tables: list[dict[str, Any]] = [settings]
    for _ in range(MAX_DEPTH):
        values = (value for table in tables for value in table.values())
        tables = [cast(dict[str, Any], value) for value in values if isinstance(value, dict)]
    if tables:
        raise ValueError("Is nested too deeply")
    return settings


def _before_error(path: Path, text: str, error: str) -> _Source:
    """What stands before a syntax error counts: a user who named a model at the top of the file and mistypes
    something below must not have code sent to another one."""
    reason, _, where = error.partition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", where)
    lines = text.replace("\r\n", "\n").split("\n")
    line, column = (int(found[1]) - 1, int(found[2]) - 1) if found else (len(lines), 0)
    end = _lines_that_parse(lines, line)
    before = "\n".join(lines[:end])
    if not found:  # no place was given: the statement without an end begins behind what can be read
        line = end
    width = len(lines[line])
    place = Place(line, min(column, max(width - 1, 0)), line, width)
    problem = Problem(path, place, f"{reason}. Nothing from here on counts.")
    return _Source(path, before, _parse(before), problem)


def _lines_that_parse(lines: Sequence[str], most: int) -> int:
    """How many lines, `most` at the most, can be read; found in a few steps however long the file is."""
    least, probe = 0, most
    while least < most:
        try:
            _parse("\n".join(lines[:probe]))
        except ValueError:
            most = probe - 1
        else:
            least = probe
        probe = (least + most + 1) // 2
    return least


class _Places:
    """Where each key of a valid TOML text stands."""

    def __init__(self, text: str) -> None:
        import tree_sitter_toml
        from tree_sitter import Language, Parser

        self._lines = text.encode().split(b"\n")
        self._keys: dict[KeyPath, Place] = {}
        self._values: dict[KeyPath, Place] = {}
        parser = Parser(Language(tree_sitter_toml.language()))
        for node in parser.parse(text.encode()).root_node.named_children:
            if node.type == "pair":
                self._add_pair((), node)
            elif node.type in ("table", "table_array_element"):
                table = self._add_key((), node.named_children[0])
                for child in node.named_children[1:]:
                    if child.type == "pair":
                        self._add_pair(table, child)

    def of(self, path: KeyPath, in_value: bool) -> Place:
        """The place of the value, or of the key or the nearest table around it that is written down."""
        if in_value and path in self._values:
            return self._values[path]
        while path and path not in self._keys:
            path = path[:-1]
        return self._keys.get(path, Place())

    def _add_pair(self, table: KeyPath, pair: "Node") -> None:
        key, value = (child for child in pair.named_children if child.type != "comment")
        path = self._add_key(table, key)
        self._values.setdefault(path, self._place(value))
        if value.type == "inline_table":
            for child in value.named_children:
                if child.type == "pair":
                    self._add_pair(path, child)

    def _add_key(self, table: KeyPath, key: "Node") -> KeyPath:
        path = table
        for part in _parts(key):
            path = (*path, _unquoted(part))
            self._keys.setdefault(path, self._place(part))
        return path

    def _place(self, node: "Node") -> Place:
        (line, column), (end_line, end_column) = node.start_point, node.end_point
        return Place(line, self._code_points(line, column), end_line, self._code_points(end_line, end_column))

    def _code_points(self, line: int, byte_column: int) -> int:
        return len(self._lines[line][:byte_column].decode())


def _parts(key: "Node") -> "Iterator[Node]":
    if key.type != "dotted_key":
        yield key
        return
    for child in key.named_children:
        yield from _parts(child)


def _unquoted(key: "Node") -> str:
    (name,) = tomllib.loads(f"{(key.text or b'').decode()} = 0")
    return name


def _with_tilde(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
