"""All that an installation declares, secrets too, as one file; and back into an installation."""
