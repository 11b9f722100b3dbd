"""The command line, `curtain`: it talks HTTP only, so it works from any machine."""
