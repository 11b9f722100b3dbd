"""For how long what is kept: of everything by the settings, of a template's runs by itself."""

from typing import Annotated

from pydantic import BaseModel, Field

from runner.strict import Strict

Days = Annotated[int, Field(ge=0, le=36_500)]
Runs = Annotated[int, Field(ge=0, le=1_000_000)]


class Retention(Strict):
    """For how long a template's runs are kept, where that is not as the settings say."""

    days: Days | None = Field(
        default=None, description="since a run has ended; 0: for ever; null: CURTAIN_RUN_DAYS"
    )
    runs: Runs | None = Field(
        default=None, description="that have ended, the newest; 0: all; null: CURTAIN_RUN_COUNT"
    )


class Lifetimes(BaseModel):
    """Those settings that say how long something is kept; a part of Settings."""

    run_days: Days = Field(
        alias="CURTAIN_RUN_DAYS",
        default=0,
        description="days that a run is kept after its end; `0`: for ever",
    )
    run_count: Runs = Field(
        alias="CURTAIN_RUN_COUNT",
        default=0,
        description="runs of a template that are kept, the newest that have ended; `0`: all",
    )
    compress_days: Days = Field(
        alias="CURTAIN_COMPRESS_DAYS",
        default=7,
        description="days after a run's end when its output is compressed; `0`: never",
    )
    output_days: Days = Field(
        alias="CURTAIN_OUTPUT_DAYS",
        default=0,
        description="days that its output is kept; `0`: as long as the run",
    )
    event_days: Days = Field(
        alias="CURTAIN_EVENT_DAYS",
        default=0,
        description="days that its tasks, results and warnings are kept; `0`: as long as the run",
    )
    delivery_days: Days = Field(
        alias="CURTAIN_DELIVERY_DAYS",
        default=90,
        description="days that deliveries of hooks are kept; as long one that comes again is the "
        "same one; `0`: for ever",
    )
    notification_days: Days = Field(
        alias="CURTAIN_NOTIFICATION_DAYS",
        default=30,
        description="days that notifications are kept, those not sent too; `0`: for ever",
    )
    audit_days: Days = Field(
        alias="CURTAIN_AUDIT_DAYS",
        default=0,
        description="days that the audit is kept; `0`: for ever",
    )
