"""One outside thing each, behind a Protocol of `engine.ports`.

An adapter translates foreign types and exceptions once, here, and will never know another adapter.
"""
