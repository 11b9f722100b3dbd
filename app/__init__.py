"""The ways in: the API, hooks, pages and the commands of `python3 -m app`.

Imports nothing: the machine's bare Python comes through here before anything is installed.
"""
