"""Print the digest of pyproject.toml's dependencies, by which a lock tells what it was made of."""

import hashlib
import json
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
names = ("requires-python", "dependencies", "optional-dependencies")
text = json.dumps({name: project[name] for name in names}, sort_keys=True)
print(hashlib.sha256(text.encode()).hexdigest()[:16])
