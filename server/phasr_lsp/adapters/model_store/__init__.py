"""The weights of the embedded models on this machine: had from three sources, kept by their digest."""

from phasr_lsp.adapters.model_store.store import (
    ModelState,
    ModelStatus,
    ModelStore,
    machine_memory,
    shipped_models,
)
from phasr_lsp.adapters.model_store.transfer import InstallCancelled, Progress

__all__ = [
    "InstallCancelled",
    "ModelState",
    "ModelStatus",
    "ModelStore",
    "Progress",
    "machine_memory",
    "shipped_models",
]
