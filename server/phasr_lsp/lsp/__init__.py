"""How editors reach the engine: the only place that knows pygls and lsprotocol.

It will never know a provider's wire format or how an edit was written by a model.
"""
