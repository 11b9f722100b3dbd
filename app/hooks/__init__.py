"""Hooks: how Git hosts, chat and others start runs. One file of pure functions a sender."""
