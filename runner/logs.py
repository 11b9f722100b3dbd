"""Logs as JSON, one object a line, for web and runner alike. Standard library only."""

import json
import logging
import sys
from datetime import UTC, datetime

#: What every record has; anything else in it came by `extra=` and is written too.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, logger and message; then what was given as extra, then traces."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, default=str)


def configure(level: int = logging.INFO) -> None:
    """Send every log of this process to stdout as JSON."""
    to_stdout = logging.StreamHandler(sys.stdout)
    to_stdout.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[to_stdout], force=True)
    logging.captureWarnings(True)
