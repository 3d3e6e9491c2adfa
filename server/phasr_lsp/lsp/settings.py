"""What the user has configured, live: files, editor settings, kinds and what can be used here."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from phasr_lsp.adapters import config_files, data_files, kind_files
from phasr_lsp.domain.config import Apply, Config
from phasr_lsp.domain.config_layers import KnownModels
from phasr_lsp.domain.errors import KeyMissing, UnknownKind
from phasr_lsp.domain.kind import Kind
from phasr_lsp.domain.problem import Problem, did_you_mean
from phasr_lsp.domain.route import Available, Choice, choose, missing_key


class LiveSettings:
    """The engine's `Settings`. `reload` replaces everything; tasks that run keep what they were given."""

    def __init__(self, known_models: KnownModels, installed: Callable[[], Collection[str]]) -> None:
        """`installed` names the embedded models whose weights are here."""
        self.languages = data_files.languages()
        self.config = Config()
        self.kinds: Mapping[str, Kind] = {}
        self.problems: tuple[Problem, ...] = ()
        self._catalogue = data_files.catalogue()
        self._known_models = known_models
        self._installed = installed
        self._folders: tuple[Path, ...] = ()
        self._editor: Mapping[str, Any] | None = None
        self._seen: tuple[tuple[str, int], ...] = ()

    @property
    def request_seconds(self) -> float:
        return self.config.limits.request_seconds

    def reload(self, folders: Sequence[Path], editor: Mapping[str, Any] | None) -> None:
        """Read everything anew for these workspace folders and the editor's settings."""
        self._folders, self._editor = tuple(folders), editor
        self._seen = self._stamp()
        self.kinds, kind_problems = kind_files.load_kinds(*self._kind_folders())
        loaded = config_files.load(
            config_files.user_config_file(),
            [config_files.workspace_config_file(folder) for folder in self._folders],
            editor,
            catalogue=self._catalogue,
            known_models=self._known_models,
            known_kinds=tuple(self.kinds),
            environ=os.environ,
        )
        self.config, self.problems = loaded.config, (*loaded.problems, *kind_problems)

    def reload_if_changed(self) -> bool:
        """Read everything anew if a file changed: not every editor says so."""
        if self._stamp() == self._seen:
            return False
        self.reload(self._folders, self._editor)
        return True

    def kind(self, name: str) -> Kind:
        """Raises `UnknownKind`."""
        try:
            return self.kinds[name]
        except KeyError:
            raise UnknownKind(
                f'No kind is called "{name}".{did_you_mean(name, self.kinds)}',
                f"There are: {', '.join(self.kinds)}.",
            ) from None

    def choose(self, kind: Kind, model: str | None) -> Choice:
        """Raises `NoModel`, `UnknownModel` or `KeyMissing`."""
        available = Available.of(os.environ, self._weights_here())
        choice = choose(
            self.config,
            self._catalogue,
            available,
            kind_name=kind.name,
            kind_model=kind.model,
            kind_tier=kind.tier,
            argument=model,
        )
        variable = missing_key(choice.endpoint, self._catalogue, available)
        if variable:
            raise KeyMissing(
                f"{choice.endpoint.model} ({choice.why}) needs a key, and {variable} isn't set.",
                f"Set {variable} in the environment that your editor starts from, or choose another model.",
            )
        return choice

    @property
    def embedded_model(self) -> str | None:
        """The embedded model that the user named; None where they leave it to Phasr."""
        named = "embedded" in self.config.model_fields_set and "model" in self.config.embedded.model_fields_set
        return self.config.embedded.model if named else None

    def _weights_here(self) -> set[str]:
        """The embedded models that can be loaded: a file of the user's own stands for the one they chose."""
        own = self.config.embedded
        return {
            *self._installed(),
            *([own.model] if own.file and config_files.modified(own.file) is not None else ()),
        }

    def reviewed(self, kind: Kind) -> bool:
        return self.config.apply_for(kind.name) is Apply.REVIEW

    def concerns(self, path: Path) -> bool:
        """Whether that file is a part of the configuration."""
        return path in self.files() or (path.suffix == ".md" and path.parent in self._all_kind_folders())

    def files(self) -> tuple[Path, ...]:
        """The configuration files, whether they exist or not."""
        return (
            config_files.user_config_file(),
            *(config_files.workspace_config_file(folder) for folder in self._folders),
        )

    def _kind_folders(self) -> tuple[Path, list[Path]]:
        """The user's own, and the workspace's."""
        own, *workspace = (path.parent / kind_files.FOLDER for path in self.files())
        return own, workspace

    def _all_kind_folders(self) -> list[Path]:
        own, workspace = self._kind_folders()
        return [own, *workspace]

    def _stamp(self) -> tuple[tuple[str, int], ...]:
        kinds = (path for folder in self._all_kind_folders() for path in kind_files.paths(folder))
        stamps = ((str(path), config_files.modified(path)) for path in (*self.files(), *kinds))
        return tuple((path, stamp) for path, stamp in stamps if stamp is not None)
