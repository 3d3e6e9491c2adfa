"""Phasr: agent orchestration as a language server, with the model chosen per task."""

__version__ = "0.1.0"
