"""The real embedded model, for tests and whatever else needs its weights."""

from pathlib import Path

from phasr_lsp.adapters.model_store import ModelStore

MODEL = "embedded/qwen2.5-coder-1.5b"

_store = ModelStore()  # made at import, before a test may point HOME elsewhere


def weights(model: str = MODEL) -> Path:
    """The path of the weights in the user's cache folder; installs them first if they are missing (1 GB)."""
    return _store.weights(model) if model in _store.installed() else _store.install(model)
