"""The application that gunicorn serves."""

import os
import sys

from app.factory import create_app
from runner import logs
from runner.settings import Settings
from runner.store_settings import SettingsInvalid

logs.configure()
try:
    settings = Settings.from_environ(os.environ)
except SettingsInvalid as error:
    sys.exit(str(error))  # one line, and gunicorn does not try again
app = create_app(settings)
