"""Writes for ever, as fast as it is read."""

import os

while True:
    os.write(1, b"y\n" * 32768)
