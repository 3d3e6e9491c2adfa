"""Task kinds: what the code-action menu offers. Each is a Markdown file with front matter, ours or the user's."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from phasr_lsp.domain.language import Language
from phasr_lsp.domain.model import Tier


class Scope(StrEnum):
    """What a kind works on, and when it is offered."""

    DEFINITION = "definition"
    """The function, method or type around the cursor."""
    IMPORTS = "imports"
    """The file's import statements."""
    FILE = "file"
    """The whole file."""
    DIAGNOSTIC = "diagnostic"
    """The definition around a diagnostic; offered once for each diagnostic in range."""
    COMMENT = "comment"
    """The definition around or below a comment that begins with `phasr:`; offered on that comment."""


class Output(StrEnum):
    """Where the result goes."""

    TARGET = "target"
    """Into what the kind works on."""
    TESTS = "tests"
    """Into the test file that belongs to the document; it is made where there is none."""


class Kind(BaseModel):
    """The front matter of a kind's file, and its body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """The file's name without `.md`."""
    title: str
    """What the menu says. `{detail}` stands for the diagnostic or the comment."""
    code_action: Annotated[str, Field(pattern=r"^(quickfix|refactor|source)(\.\w+)*$")] = "refactor.rewrite"
    """The LSP code-action kind."""
    scope: Scope = Scope.DEFINITION
    output: Output = Output.TARGET
    languages: tuple[str, ...] = ()
    """Languages that it is offered in; empty: all that have definitions."""
    keeps_code: bool = False
    """A result that differs from what was there in more than comments and docstrings is refused."""
    tier: Tier = Tier.STANDARD
    model: str | None = None
    prompt: str
    """The instruction to the model: the body of the file."""

    def speaks(self, language: Language | None) -> bool:
        """Whether the kind is for documents in that language; None: one that Phasr doesn't know."""
        if self.output is Output.TESTS and not (language and language.tests):
            return False
        if self.languages:
            return language is not None and language.name in self.languages
        if self.scope is Scope.DEFINITION:
            return language is None or bool(language.definitions)
        return self.scope is not Scope.IMPORTS or (language is not None and bool(language.imports))


_WISH = re.compile(r"\W*?phasr:\s*(?P<wish>\S.*?)\s*(?:\*+/|--+>)?\s*", re.IGNORECASE)


def wish_in(line: str, comment: str) -> str | None:
    """What a comment that begins with `phasr:` asks for, or None where the line has no such comment.

    `comment` is what begins a line comment in the language; block comments are known by their own marks.
    """
    for mark in (comment, "/*", "<!--", "--"):
        for place in re.finditer(re.escape(mark), line) if mark else ():
            found = _WISH.fullmatch(line, place.end())
            if found:
                return found["wish"]
    return None
