"""Runs tasks: who asks which model, in what order, and what becomes of the answer.

It knows the domain and the Protocols in `ports`. It will never know which editor, provider, parser or
repository stands behind them.
"""
