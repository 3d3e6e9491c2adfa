"""The child process that runs llama.cpp: `python -m phasr_lsp.adapters.llama_child`.

One JSON object comes in on stdin: `model` (path), `key`, `threads`, `context_tokens` (of each slot), `slots`.
One goes out on stdout: `address` once the server listens on loopback, or `error`. When stdin ends, however the
parent went, so does the process.
"""

import importlib
import json
import os
import select
import signal
import sys
from dataclasses import dataclass
from typing import Any

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True)
class Settings:
    model: str
    key: str
    threads: int
    context_tokens: int
    slots: int


def main() -> None:
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # native code prints to 1
    settings = Settings(**json.loads(sys.stdin.buffer.readline()))
    _die_with_parent()
    try:
        server = _serve(settings)
    except Exception as error:  # noqa: BLE001 - llama.cpp raises whatever it likes; the parent explains it
        answer = {"error": str(error)}
    else:
        answer = {"address": server.listening_address}
    print(json.dumps(answer), file=report, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


def _die_with_parent() -> None:
    """Have the kernel end this process when stdin is closed.

    Loading holds the interpreter's lock for seconds, so no Python code could notice it. Where SIGIO doesn't exist
    (Windows) or is ignored by default (macOS) the process ends after loading.
    """
    if sys.platform == "win32":
        return
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:  # it was closed before the signal was armed
        os._exit(0)


def _serve(settings: Settings) -> Any:
    xllamacpp = importlib.import_module("xllamacpp")  # has no type stubs
    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings.key]
    params.n_parallel = settings.slots
    params.n_ctx = settings.context_tokens * settings.slots
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.no_extra_bufts = True  # half a gigabyte less for a few per cent of speed
    params.cache_ram_mib = 0  # by default old prompts pile up to 8 GB
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 1  # errors; higher levels log prompts
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
