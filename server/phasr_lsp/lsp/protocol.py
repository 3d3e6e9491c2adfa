"""The messages of our own: arguments and answers of the commands, and `phasr/taskChanged`.

`docs/protocol.md` mirrors this file, and a test holds the two together.
"""

from enum import StrEnum

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn
from lsprotocol import converters, types

TASK_CHANGED = "phasr/taskChanged"


class Command(StrEnum):
    RUN = "phasr.run"
    CANCEL = "phasr.cancel"
    CANCEL_ALL = "phasr.cancelAll"
    APPLY = "phasr.apply"
    DISCARD = "phasr.discard"
    STATUS = "phasr.status"
    INSTALL_MODEL = "phasr.installModel"


@attrs.frozen
class RunParams:
    kind: str
    uri: str
    range: types.Range
    version: int | None = None
    instruction: str | None = None
    model: str | None = None
    diagnostic: str | None = None


@attrs.frozen
class RunResult:
    task: str | None


@attrs.frozen
class TaskParams:
    task: str | None = None


@attrs.frozen
class TaskInfo:
    task: str
    kind: str
    title: str
    uri: str
    state: str
    model: str | None
    seconds: float
    message: str | None
    input_tokens: int | None = attrs.field(alias="inputTokens")
    output_tokens: int | None = attrs.field(alias="outputTokens")
    cost: float | None
    changed: tuple[str, ...]


@attrs.frozen
class TasksResult:
    tasks: tuple[TaskInfo, ...]


MESSAGES = (RunParams, RunResult, TaskParams, TaskInfo, TasksResult)


def converter() -> Converter:
    """lsprotocol's converter that also knows our messages: camelCase on the wire, unknown keys refused."""
    made = converters.get_converter()
    for message in MESSAGES:
        structure = make_dict_structure_fn(message, made, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=True)
        made.register_structure_hook(message, structure)
        made.register_unstructure_hook(message, make_dict_unstructure_fn(message, made, _cattrs_use_alias=True))
    return made
