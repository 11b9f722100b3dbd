"""From a bare machine to a service that answers, and back to nothing.

Below `venv` everything of the locks is there; it and what it imports need only Python itself.
"""
