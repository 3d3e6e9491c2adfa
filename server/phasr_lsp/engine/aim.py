"""What a task works on: which file, which part of it, and in which format the model is asked to answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from phasr_lsp.domain.errors import TargetError
from phasr_lsp.domain.formats import Files
from phasr_lsp.domain.kind import Kind, Output, Scope, wish_in
from phasr_lsp.domain.language import Language, test_file
from phasr_lsp.domain.model import EditFormat, Profile
from phasr_lsp.domain.task import TaskRequest
from phasr_lsp.domain.text import FileText, Span, line_end, line_number, line_start
from phasr_lsp.engine import ports


@dataclass(frozen=True)
class Aim:
    kind: Kind
    format: EditFormat
    files: Files
    """What the reply may change."""
    source: FileText
    """The document that the task was started on."""
    part: Span | None
    """What it is about in `source`; None for the whole."""
    name: str
    """The definition that `part` is; "" where it isn't one."""
    top: str
    """The outermost definition around it."""
    language: Language | None
    detail: str
    """The diagnostic or the comment that it is about."""
    line: int
    """Where the selection begins in `source`, counted from 1."""
    instruction: str | None
    """What the user adds to the kind's own prompt."""

    @property
    def reaches(self) -> bool:
        """Whether other files may be changed besides the target: where the task is about a whole file."""
        return self.kind.scope is Scope.FILE and self.kind.output is Output.TARGET


def find_target(
    kind: Kind, source: FileText, workspace: ports.Files, languages: Mapping[str, Language]
) -> FileText:
    """The file that a result goes into, as it is at this moment: the document, or the test file that it has.

    Raises `TargetError` when there can't be one.
    """
    if kind.output is not Output.TESTS:
        return source
    language = languages.get(source.language)
    name = language and test_file(source.name, language, workspace.names(source.uri))
    if not name:
        raise TargetError(
            f"Where the tests of {source.name} belong isn't known for its language.",
            "Write the test file's first lines yourself and use another kind there.",
        )
    return workspace.sibling(source.uri, name)


def take_aim(
    kind: Kind,
    request: TaskRequest,
    profile: Profile,
    *,
    target: FileText,
    syntax: ports.Syntax,
    languages: Mapping[str, Language],
) -> Aim:
    """Raises `TargetError` when there is nothing at that place that the kind could work on."""
    source = request.file
    language = languages.get(source.language)
    part, name, top = _part(kind, request, language, syntax)
    line = line_number(source.text, request.selection.start)
    if kind.output is Output.TESTS:
        files, edit_format = _tests(target, profile, language, syntax)
    else:
        files = Files(
            target=target,
            region=part,
            name=name,
            imports=syntax.imports(source),
            import_words=language.import_words if language else (),
            imports_suffice=kind.scope is Scope.DIAGNOSTIC,
            line=line if kind.scope is Scope.DIAGNOSTIC else None,
            root=_root(source),
        )
        edit_format = _format(kind, part, profile)
    return Aim(
        kind=kind,
        format=edit_format,
        files=files,
        source=source,
        part=part,
        name=name,
        top=top,
        language=language,
        detail=_detail(kind, request, language),
        line=line,
        instruction=request.instruction,
    )


def _root(file: FileText) -> str:
    """The folder that the file's name begins at, as an absolute path; "" where the file isn't on disk."""
    path = unquote(file.uri.removeprefix("file://")) if file.uri.startswith("file:///") else ""
    return path.removesuffix(f"/{file.name}") if path.endswith(f"/{file.name}") else ""


def _format(kind: Kind, part: Span | None, profile: Profile) -> EditFormat:
    if part is None:
        return profile.file
    return EditFormat.REGION if kind.scope is Scope.IMPORTS else profile.definition


def _part(
    kind: Kind, request: TaskRequest, language: Language | None, syntax: ports.Syntax
) -> tuple[Span | None, str, str]:
    """The part of the document that the kind is about, its name and the name of what is around it."""
    source, selection = request.file, request.selection
    match kind.scope:
        case Scope.FILE:
            return None, "", ""
        case Scope.IMPORTS:
            if language is None or not language.imports:
                return None, "", ""
            return syntax.imports(source), "", ""
        case Scope.COMMENT:
            return _commented(source, selection, syntax)
        case Scope.DEFINITION | Scope.DIAGNOSTIC:
            found = syntax.definition_at(source, selection)
    if found:
        return found.span, found.name, found.top
    if kind.scope is Scope.DIAGNOSTIC:
        return None, "", ""
    if selection.empty:
        raise TargetError(
            f"There is no function, method or type at line {line_number(source.text, selection.start)} of "
            f"{source.name}.",
            "Put the cursor inside one, or select the lines to work on.",
        )
    lines = Span(
        line_start(source.text, selection.start), line_end(source.text, max(selection.end - 1, selection.start))
    )
    return lines, "", ""


def _commented(source: FileText, selection: Span, syntax: ports.Syntax) -> tuple[Span | None, str, str]:
    """The definition around a comment, or the one right below it together with the comment."""
    start, end = line_start(source.text, selection.start), line_end(source.text, selection.start)
    around = syntax.definition_at(source, Span(start, start))
    if around:
        return around.span, around.name, around.top
    below = next((found for found in syntax.definitions(source) if found.span.start >= end), None)
    if below and not source.text[end : below.span.start].strip():
        return Span(start, below.span.end), below.name, below.top
    return None, "", ""


def _detail(kind: Kind, request: TaskRequest, language: Language | None) -> str:
    if kind.scope is Scope.DIAGNOSTIC:
        return request.diagnostic or "the problem on this line"
    if kind.scope is not Scope.COMMENT:
        return ""
    text = request.file.text
    line = text[line_start(text, request.selection.start) : line_end(text, request.selection.start)]
    wish = wish_in(line, language.comment if language else "")
    if not (wish or request.instruction):
        number = line_number(text, request.selection.start)
        raise TargetError(
            f"There is no comment that begins with `phasr:` on line {number}.",
            "Write what is to be done as a comment, such as `# phasr: cache the result`.",
        )
    return wish or request.instruction or ""


def _tests(
    target: FileText, profile: Profile, language: Language | None, syntax: ports.Syntax
) -> tuple[Files, EditFormat]:
    """The test file, and how the model is to write into it."""
    files = Files(
        target=target,
        region=Span(len(target.text), len(target.text)),
        imports=syntax.imports(target),
        import_words=language.import_words if language else (),
        root=_root(target),
    )
    if profile.definition is EditFormat.REGION:
        return files, EditFormat.REGION
    return files, profile.file if target.exists else EditFormat.WHOLE_FILE
