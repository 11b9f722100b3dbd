"""When a template is run by itself: the schedule's model. Pure; runner.due tells the times."""

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from runner.template import NAME, Overrides
from runner.words import Variable

MOST_JITTER: Final = 3600  # seconds
FIELDS: Final = 5  # of cron; six would be seconds, which no round of the watchdog is as fine as
LATEST_YEAR: Final = 9000  # far from the calendar's end, where arithmetic with zones fails


@cache
def zones() -> frozenset[str]:
    """The names of time zones that there are, the same on every machine of one release."""
    return frozenset((files("tzdata") / "zones").read_text().split())


def _zone(name: str) -> str:
    if name not in zones():
        raise ValueError("is no time zone: write one as Europe/Berlin, or UTC")
    return name


def _cron(text: str) -> str:
    """Write it with single blanks. Refuse what is no cron, and what never comes."""
    words = text.split()
    if len(words) != FIELDS:
        raise ValueError("must have five fields: minute, hour, day of month, month, day of week")
    cron = " ".join(words)
    try:
        # From a fixed day: within the fifty years that are looked at is every calendar there is.
        next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"is no cron expression that ever comes: {error}") from None
    except StopIteration:
        raise ValueError("never comes: there is no such day") from None
    return cron


def _text(value: object) -> object:
    """Refuse what pydantic takes for a time besides: seconds since 1970, a date alone."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or value[10:11] not in ("T", "t"):
        raise ValueError("must be a time as RFC 3339 has it: 2026-12-01T03:00:00+01:00")
    return value


def _near(time: datetime) -> datetime:
    if not 1970 < time.year < LATEST_YEAR:
        raise ValueError(f"must be before the year {LATEST_YEAR}")
    return time


Cron = Annotated[str, StringConstraints(min_length=9, max_length=200), AfterValidator(_cron)]
Zone = Annotated[str, StringConstraints(max_length=100), AfterValidator(_zone)]
At = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_near), BeforeValidator(_text)]


class Schedule(Overrides):
    """When a template is run by itself, and with what."""

    template: Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
    cron: Cron | None = Field(
        default=None,
        description="minute, hour, day of month, month, day of week: `0 3 * * 1-5`; this or `at`",
    )
    timezone: Zone | None = Field(
        default=None, description="the zone that cron is read in: Europe/Berlin; UTC unless given"
    )
    at: At | None = Field(default=None, description="once, at this time; this or `cron`")
    vars: dict[Variable, JsonValue] = Field(
        default={},
        max_length=1000,
        description="as the template accepts them; secret ones that are not given stay as they are",
    )
    reason: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        default=None, description="said by each of its runs"
    )
    jitter: int = Field(
        default=0,
        ge=0,
        le=MOST_JITTER,
        description="seconds by which each due time is delayed at most, another number for each",
    )
    catch_up: Literal["skip", "once"] = Field(
        default="skip",
        description="what becomes of due times that nobody saw within a minute: none is run, or "
        "one run is made for all",
    )
    paused: bool = Field(default=False, description="whether nothing is run until it is put anew")

    @model_validator(mode="after")
    def _is_due_in_one_way(self) -> Self:
        if (self.cron is None) == (self.at is None):
            raise ValueError("either `cron` or `at` is required, and not both")
        if self.at is not None and self.timezone is not None:
            raise ValueError("`timezone` is of `cron`: `at` has an offset of its own")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The zone that cron is read in."""
        return ZoneInfo(self.timezone or "UTC")

    @property
    def when(self) -> tuple[str | None, str, datetime | None]:
        """What its due times depend on; jitter delays them only."""
        return self.cron, self.timezone or "UTC", self.at

    def overrides(self) -> Overrides:
        """The options among it."""
        return Overrides.model_construct(
            **{name: getattr(self, name) for name in Overrides.model_fields}
        )

    def spec(self, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Write it as it is stored: what is not set left out, and the variables *without* these."""
        spec = self.model_dump(mode="json", exclude_none=True)
        kept = {name: value for name, value in self.vars.items() if name not in without}
        return {**spec, "vars": kept}


def restored(spec: dict[str, Any]) -> Schedule | None:
    """Make it of what its spec gave; None when that has what only another version takes."""
    try:
        return Schedule.model_validate(spec)
    except ValidationError:
        return None
