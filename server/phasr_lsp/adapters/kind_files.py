"""Kinds from Markdown files with front matter: ours, the user's, and the workspace's."""

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import frontmatter
import yaml
from pydantic import ValidationError

from phasr_lsp.domain.kind import Kind
from phasr_lsp.domain.problem import Place, Problem

FOLDER = "kinds"
MAX_BYTES = 65_536


def load_kinds(own: Path, workspace: Sequence[Path]) -> tuple[dict[str, Kind], tuple[Problem, ...]]:
    """All kinds by name, and what is wrong with files that can't be used.

    `own` is the user's folder of kinds, `workspace` those of the workspace's folders. A kind of the same name
    replaces the shipped one; the workspace's replaces the user's.
    """
    kinds: dict[str, Kind] = {}
    problems: list[Problem] = []
    with resources.as_file(resources.files("phasr_lsp.domain") / FOLDER) as shipped:
        for folder in (shipped, own, *workspace):
            for path in sorted(folder.glob("*.md")):
                found = _read(path)
                if isinstance(found, Kind) and found.model and folder in workspace:
                    # Only config.toml can choose a model for a workspace: there it is checked against the user's.
                    problems.append(Problem(path, Place(), _WORKSPACE_MODEL.format(name=found.name)))
                    found = found.model_copy(update={"model": None})
                if isinstance(found, Problem):
                    problems.append(found)
                else:
                    kinds[found.name] = found
    return kinds, tuple(problems)


_WORKSPACE_MODEL = (
    "A workspace's kind can't name its model. Set kinds.{name}.model in the workspace's or your own config.toml."
)


def _read(path: Path) -> Kind | Problem:
    text = ""
    try:
        text = _text(path)
        post = frontmatter.loads(text)
        return Kind(**{**post.metadata, "name": path.stem, "prompt": post.content})  # pyright: ignore[reportArgumentType]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return Problem(path, Place(line, 0, line, 1), f"The front matter isn't YAML: {error.problem}.")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        return Problem(path, _place_of(key, text), f"{key}: {first['msg']}.")
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
