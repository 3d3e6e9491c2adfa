"""The engine on a real folder, with a provider that answers when the test says so.

Stands in for what isn't Phasr: the provider behind the gateway, the editor's window, the user's choices.
Parsing, formats, merging and files are real. Nothing waits for time to pass; `Scene.until` waits for an event.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from phasr_lsp.adapters.data_files import languages, prompts
from phasr_lsp.adapters.kind_files import load_kinds
from phasr_lsp.adapters.track_record import TrackRecord
from phasr_lsp.adapters.tree_sitter_syntax import TreeSitterSyntax
from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.errors import Conflict, PhasrError, UnknownKind
from phasr_lsp.domain.kind import Kind
from phasr_lsp.domain.language import language_of
from phasr_lsp.domain.merge import merge
from phasr_lsp.domain.model import EditFormat, Endpoint, Finish, ModelRequest, Profile, Reply, Usage
from phasr_lsp.domain.route import Choice
from phasr_lsp.domain.task import Task, TaskRequest, TaskState
from phasr_lsp.domain.text import FileText, Span
from phasr_lsp.engine.aim import Aim, find_target, take_aim
from phasr_lsp.engine.fleet import Fleet, World
from phasr_lsp.engine.ports import OnText
from phasr_lsp.lsp.documents import Documents
from phasr_lsp.lsp.workspace import Workspace

LANGUAGES = languages()
SYNTAX = TreeSitterSyntax(LANGUAGES)
KINDS, _ = load_kinds(Path("there-is-no-such-folder"), ())
SMALL = Profile("*", EditFormat.REGION, EditFormat.WHOLE_FILE, 0.0, 1000, file_tokens=600, prompts=prompts())
"""A model that is asked for one definition, as small ones are."""
STRONG = replace(SMALL, definition=EditFormat.SEARCH_REPLACE, file=EditFormat.SEARCH_REPLACE, temperature=None)
"""A model that writes blocks to search and replace."""
ENDPOINT = Endpoint("test/model", "openai/test")
TOKENS = Usage(100, 10)
SECONDS = 10.0
"""The longest that a test waits for one thing to happen."""


def fenced(code: str, language: str = "python") -> str:
    """A reply as models write it."""
    return f"Here it is:\n\n```{language}\n{code}```\n"


def answer(
    text: str,
    *,
    finish: Finish = Finish.STOP,
    usage: Usage | None = TOKENS,
    cost: Decimal | None = Decimal("0.01"),
) -> Reply:
    return Reply(text, finish, usage, cost, seconds=1.0)


@dataclass
class Call:
    """One request that reached the provider."""

    request: ModelRequest
    streamed: bool
    answer: asyncio.Future[Reply]

    @property
    def prompt(self) -> str:
        return "\n".join(message.text for message in self.request.messages)


class ScriptedGateway:
    """Gives the scripted replies in order; a call beyond them waits until the test answers it."""

    def __init__(self, *script: str | Reply | Exception, happened: Callable[[], None] = lambda: None) -> None:
        self.calls: list[Call] = []
        self.most_at_once = 0
        self._script = list(script)
        self._happened = happened

    @property
    def open(self) -> list[Call]:
        return [call for call in self.calls if not call.answer.done()]

    async def complete(self, request: ModelRequest, on_text: OnText | None = None) -> Reply:
        call = Call(request, on_text is not None, asyncio.get_running_loop().create_future())
        self.calls.append(call)
        self.most_at_once = max(self.most_at_once, len(self.open))
        if self._script:
            match self._script.pop(0):
                case Exception() as error:
                    call.answer.set_exception(error)
                case Reply() as reply:
                    call.answer.set_result(reply)
                case text:
                    call.answer.set_result(answer(text))
        self._happened()
        reply = await call.answer
        if on_text:
            on_text(reply.text)
        return reply

    async def aclose(self) -> None: ...


class FolderEditor:
    """Carries changes straight to the files, merged onto what they hold by then."""

    def __init__(self, workspace: Workspace, happened: Callable[[], None]) -> None:
        self.applying: list[str] = []
        """Labels of the edits that have arrived and aren't through."""
        self.applied: list[str] = []
        self.reviews: list[str] = []
        """Ids of tasks whose results were shown."""
        self.hold: dict[str, asyncio.Event] = {}
        """By file name: an edit of that file waits for the event."""
        self.problem: Exception | None = None
        """Raised in place of whatever is asked for."""
        self._workspace = workspace
        self._happened = happened

    async def apply(self, label: str, changes: ChangeSet) -> None:
        self.applying.append(label)
        self._happened()
        try:
            for change in changes.files:
                if change.name in self.hold:
                    await self.hold[change.name].wait()
                if self.problem:
                    raise self.problem
                path = Path(change.uri.removeprefix("file://"))
                if change.after is None:
                    path.unlink()
                    continue
                now = "" if change.before is None else self._workspace.read(change.uri).text
                merged = merge(change.before or "", change.after, now)
                if not isinstance(merged, str):
                    raise Conflict(f"{change.name} changed meanwhile.", "Its result is kept.")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(merged, newline="")
                if change.moved_to:
                    path.rename(change.moved_to.uri.removeprefix("file://"))
        finally:
            self.applying.remove(label)
        self.applied.append(label)

    async def review(self, task: str, label: str, changes: ChangeSet) -> None:
        if self.problem:
            raise self.problem
        self.reviews.append(task)


@dataclass
class Choices:
    """What the user has configured."""

    languages = LANGUAGES
    request_seconds: float = 60.0
    profile: Profile = SMALL
    reviewed_kinds: set[str] = field(default_factory=set[str])
    no_model: PhasrError | None = None

    def kind(self, name: str) -> Kind:
        if name not in KINDS:
            raise UnknownKind(f'No kind is called "{name}".')
        return KINDS[name]

    def choose(self, kind: Kind, model: str | None) -> Choice:
        if self.no_model:
            raise self.no_model
        return Choice(ENDPOINT, self.profile, "your default")

    def reviewed(self, kind: Kind) -> bool:
        return kind.name in self.reviewed_kinds


class Scene:
    """A fleet at work in a folder."""

    def __init__(self, folder: Path, *script: str | Reply | Exception, parallel: int = 24) -> None:
        self.folder = folder
        self.parallel = parallel
        self.gateway = ScriptedGateway(*script, happened=self._happened)
        self.workspace = workspace(folder)
        self.editor = FolderEditor(self.workspace, self._happened)
        self.choices = Choices()
        self.record = TrackRecord(folder.with_name(f"{folder.name}.replies"))
        self.now = 0.0
        self.history: dict[str, list[TaskState]] = {}
        """The states that each task was in, in order."""
        self.characters: dict[str, int] = {}
        """What was streamed, by task."""
        self.on_change: Callable[[Task], None] = lambda task: None
        self._event = asyncio.Event()
        self.fleet = Fleet(
            World(self.gateway, SYNTAX, self.workspace, self.editor, self.choices, lambda: self.now, self.record),
            parallel=lambda: self.parallel,
            on_change=self._changed,
            on_text=self._text,
        )

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
        return path.as_uri()

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def start(self, kind: str, uri: str, at: str = "", **wishes: str) -> str:
        """Start a task where `at` stands in the file; returns its id."""
        file = self.workspace.read(uri)
        return self.fleet.start(request(kind, file, place(file.text, at), **wishes)).id

    def states(self, task: str) -> str:
        """Every state that the task was in, as one readable line."""
        return " ".join(self.history[task])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                self._event.clear()
                await self._event.wait()

    async def reached(self, task: str, *states: TaskState) -> Task:
        await self.until(lambda: self.fleet.get(task).state in states)
        return self.fleet.get(task)

    async def calls(self, number: int) -> list[Call]:
        """All calls, once so many have been made."""
        await self.until(lambda: len(self.gateway.calls) >= number)
        return self.gateway.calls

    async def turn(self, times: int = 1) -> None:
        """Let everything that can go on go on, for so many turns of the loop."""
        loop = asyncio.get_running_loop()
        for _ in range(times):
            passed = asyncio.Event()
            loop.call_soon(passed.set)
            await passed.wait()

    def _happened(self) -> None:
        self._event.set()

    def _changed(self, task: Task) -> None:
        seen = self.history.setdefault(task.id, [])
        if not seen or seen[-1] is not task.state:
            seen.append(task.state)
        self._event.set()
        self.on_change(task)

    def _text(self, task: str, piece: str) -> None:
        self.characters[task] = self.characters.get(task, 0) + len(piece)


def workspace(folder: Path) -> Workspace:
    made = Workspace(Documents(), LANGUAGES, lambda: 1_048_576)
    made.folders = (folder,)
    return made


def request(kind: str, file: FileText, selection: Span, **wishes: str) -> TaskRequest:
    return TaskRequest(kind, file, selection, **wishes)


def place(text: str, at: str) -> Span:
    """The cursor before the first `at` in the text."""
    start = text.index(at)
    return Span(start, start)


def marked(text: str) -> tuple[str, Span]:
    """The text without the marks `|>` and `<|`, and the selection that they stand for."""
    start = text.index("|>")
    text = text.replace("|>", "", 1)
    end = text.find("<|")
    return text.replace("<|", "", 1), Span(start, max(start, end))


def aim_at(
    kind: str, text: str, folder: Path, name: str = "shop.py", profile: Profile = SMALL, **wishes: str
) -> Aim:
    """The aim of a task that is started where the marks stand in the text of a new file."""
    text, selection = marked(text)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, newline="")
    language = language_of(name, None, LANGUAGES.values())
    file = FileText(path.as_uri(), name, text, language.name if language else "")
    return take_aim(
        KINDS[kind],
        request(kind, file, selection, **wishes),
        profile,
        target=find_target(KINDS[kind], file, workspace(folder), LANGUAGES),
        syntax=SYNTAX,
        languages=LANGUAGES,
    )
