"""What Phasr knows of a programming language; the table is `domain/languages.toml`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Language:
    name: str
    """The key in the table, which is also the word behind a code fence."""
    grammar: str
    """`module:function` of the tree-sitter grammar."""
    extensions: tuple[str, ...]
    editor_ids: tuple[str, ...] = ()
    """The `languageId`s under which editors know it, where they differ from the name."""
    comment: str = ""
    """What begins a line comment."""
    definitions: tuple[str, ...] = ()
    """Node types that a person calls a function, a method or a type; `a/b` is an `a` with a child `b`."""
    wrappers: tuple[str, ...] = ()
    """Node types that belong to the definition within: decorators, `export`."""
    imports: tuple[str, ...] = ()
    """Node types of import statements."""
    import_words: tuple[str, ...] = ()
    """Words with which those begin."""
    test_imports: str = ""
    """What the tests of a name import, with `{module}` (the path with dots) and `{name}`."""
    tests: str = ""
    """Where the tests of a file stand, with `{folder}`, `{stem}` and `{suffix}`; "" where it isn't known."""
    test_style: str = ""
    """One sentence for the model: the framework and its conventions."""


def language_of(name: str, editor_id: str | None, languages: Iterable[Language]) -> Language | None:
    """The language by the editor's word for it, else by the file's extension."""
    table = tuple(languages)
    for language in table:
        if editor_id and (editor_id == language.name or editor_id in language.editor_ids):
            return language
    suffix = PurePosixPath(name).suffix.lower()
    return next((language for language in table if suffix in language.extensions), None)


def test_file(name: str, language: Language, existing: Collection[str]) -> str | None:
    """The name of the file that holds the tests of `name`: one of `existing` by the same file name
    where there is exactly one, else the place where the language's convention puts a new one.

    None where the language has no convention. A file that is itself a test file holds its own tests.
    """
    if not language.tests:
        return None
    path = PurePosixPath(name)
    conventional = PurePosixPath(language.tests.format(folder=path.parent, stem=path.stem, suffix=path.suffix))
    head, tail = PurePosixPath(language.tests).name.replace("{suffix}", path.suffix).split("{stem}")
    # Where a test file's name is like any other, as in Rust, its folder tells it.
    by_name = head or tail != path.suffix
    if path.name.startswith(head) and path.name.endswith(tail) and (by_name or path == conventional):
        return name
    same_name = [other for other in existing if PurePosixPath(other).name == conventional.name and other != name]
    return same_name[0] if by_name and len(same_name) == 1 else str(conventional)
