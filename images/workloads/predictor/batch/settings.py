"""What the environment says to one pod of a batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...common.place import Place, place_of
from .. import settings
from ..settings import Settings, SettingsError
from .places import due


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """What to read and to write.

    `data`: a folder with inputs. `output`: the folder of the whole batch. `shard`: the number of this one, from 0, of
    `shards`. `scheduled`: when the batch was due, None without a schedule.
    """

    model: Settings
    data: Place
    output: Place
    shard: int
    shards: int
    code_version: str
    scheduled: datetime | None


def from_environ(environ: Mapping[str, str]) -> BatchSettings:
    """Settings from DATA_DIR, OUTPUT_DIR and the model's own variables, which must be there, and from the optional

    SHARDS, JOB_COMPLETION_INDEX, SCHEDULED_JOB and CODE_VERSION. Raises SettingsError.
    """
    output, scheduled, job = _place(environ, "OUTPUT_DIR"), None, environ.get("SCHEDULED_JOB")
    if job:
        scheduled = due(job)
        # By the time, which people can read; of a Job that somebody made by hand there is only the name.
        output = output / (scheduled.strftime("%Y-%m-%dT%H-%M-%SZ") if scheduled else job)
    shards = _number(environ, "SHARDS", default="1", low=1)
    shard = _number(environ, "JOB_COMPLETION_INDEX", default="0", low=0)
    if shard >= shards:
        raise SettingsError(f"JOB_COMPLETION_INDEX is {shard} and SHARDS {shards}: a shard is from 0 to {shards - 1}")
    return BatchSettings(
        model=settings.from_environ(environ),
        data=_place(environ, "DATA_DIR"),
        output=output,
        shard=shard,
        shards=shards,
        code_version=environ.get("CODE_VERSION", "unversioned"),
        scheduled=scheduled,
    )


def _place(environ: Mapping[str, str], key: str) -> Place:
    value = environ.get(key, "")
    if not value:
        raise SettingsError(f"{key} is not set: it names a folder, for example {key}=/tmp/digits/v1")
    try:
        return place_of(value)
    except ValueError as error:
        raise SettingsError(f"{key} is {value!r}: {error}") from None


def _number(environ: Mapping[str, str], key: str, *, default: str, low: int) -> int:
    value = environ.get(key, default)
    if not value.isdecimal() or not low <= int(value) <= 1_000_000:
        raise SettingsError(f"{key} is {value!r}: it must be a whole number, {low} or more")
    return int(value)
