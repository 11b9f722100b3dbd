"""The only place with SQL: one function a query, one guarded statement a move."""
