"""How a terminal reaches Phasr without an editor. It will never know the Language Server Protocol."""
