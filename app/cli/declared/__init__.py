"""Objects as YAML files declare them: read, checked, compared, put; and written."""
