"""Kinds from Markdown files with front matter: ours, the user's, and the workspace's."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import frontmatter
import yaml
from pydantic import ValidationError

from phasr_lsp.domain.kind import Kind
from phasr_lsp.domain.problem import Place, Problem, did_you_mean

FOLDER = "kinds"
MAX_BYTES = 65_536


def load_kinds(own: Path, workspace: Sequence[Path]) -> tuple[dict[str, Kind], tuple[Problem, ...]]:
    """All kinds by name, and what is wrong with files that can't be used.

    `own` is the user's folder of kinds, `workspace` those of the workspace's folders. The user's kind of the same
    name replaces the shipped one. A workspace's is written by whoever wrote the workspace: it adds to the menu,
    and what is there already keeps its name, its title and what stands behind them.
    """
    problems: list[Problem] = []

    def read(*folders: Path) -> Iterator[tuple[Path, Kind]]:
        for path in (path for folder in folders for path in paths(folder)):
            found = _read(path)
            if isinstance(found, Problem):
                problems.append(found)
            else:
                yield path, found

    with resources.as_file(resources.files("phasr_lsp.domain") / FOLDER) as shipped:
        kinds = {kind.name: kind for _, kind in read(shipped, own)}
    names = {_essence(name): name for name in kinds}
    titles = {_essence(kind.title): kind.title for kind in kinds.values()}
    for path, kind in read(*workspace):
        if name := names.get(_essence(kind.name)):
            problems.append(Problem(path, Place(), _TAKEN.format(what="replace the kind", taken=name)))
        elif title := titles.get(_essence(kind.title)):
            problems.append(Problem(path, Place(), _TAKEN.format(what="have the title", taken=title)))
        else:
            if kind.model:
                # Only config.toml can choose a model for a workspace: there it is checked against the user's.
                problems.append(Problem(path, Place(), _WORKSPACE_MODEL.format(name=kind.name)))
            kinds[kind.name] = kind.model_copy(update={"model": None})
    return kinds, tuple(problems)


def paths(folder: Path) -> list[Path]:
    """The files of kinds in a folder; the folder itself where it can't be looked into: reading it says why."""
    try:
        return sorted(folder.glob("*.md"))
    except OSError:
        return [folder]


_TAKEN = "A workspace's kind can't {what} \"{taken}\", which is there already; it isn't used. Choose another one."
_WORKSPACE_MODEL = (
    "A workspace's kind can't name its model. Set kinds.{name}.model in the workspace's or your own config.toml."
)


def _essence(text: str) -> str:
    """What a reader tells names and titles apart by: neither letter case, nor spaces, nor punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold() or text


def _read(path: Path) -> Kind | Problem:
    text = ""
    try:
        text = _text(path)
        post = frontmatter.loads(text)
        # What stands in the file is of any type: pydantic is what looks at it.
        return Kind(**{**post.metadata, "name": path.stem, "prompt": post.content})  # pyright: ignore[reportArgumentType]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return Problem(path, Place(line, 0, line, 1), f"The front matter isn't YAML: {error.problem}.")
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        first = next((each for each in mistakes if each["type"] == "extra_forbidden"), mistakes[0])
        key = str(first["loc"][0]) if first["loc"] else ""
        unknown = f'There is no key "{key}".{did_you_mean(key, Kind.model_fields)}'
        message = unknown if first["type"] == "extra_forbidden" else f"{key}: {first['msg']}."
        return Problem(path, _place_of(key, text), message)
    except (OSError, UnicodeDecodeError) as error:
        return Problem(path, Place(), f"The file can't be read: {error}.")
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        # A control character, a date that doesn't exist, a number for a key, thousands of brackets.
        return Problem(path, Place(0, 0, 0, 3), "The front matter can't be understood.")


def _text(path: Path) -> str:
    """Raises OSError for what a repository may put in a file's place: a link to a device, or far too much."""
    if not path.is_file():
        raise OSError("it isn't a plain file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(f"it is longer than {MAX_BYTES} bytes")
    return content.decode()


def _place_of(key: str, text: str) -> Place:
    """Where the front matter sets a key; the first line where it doesn't."""
    for number, line in enumerate(text.splitlines()):
        if re.match(rf"{re.escape(key)}\s*:", line):
            return Place(number, 0, number, len(line))
    return Place(0, 0, 0, 3)
