"""What Phasr reasons about: tasks, changes, models, configuration.

Pure and synchronous. It will never know an editor, a provider, a file system or a clock; whoever calls it
brings the text, the time and the reply.
"""
