"""The application that gunicorn serves."""

import os

from app.factory import create_app
from runner import logs
from runner.settings import Settings

logs.configure()
app = create_app(Settings.from_environ(os.environ))
