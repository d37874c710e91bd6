"""One pod of a batch: answers for its shard unless that is done, and ends the batch if all shards are.

A shard is a folder below `shards/` that is either complete or not there. Whoever finds all of them complete writes the
manifest of the whole batch. The last one to publish its shard looks after that, so somebody always finds all.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ...common import folder, place
from ...common.buckets import BucketError
from ...common.folder import FolderError
from ...common.log import log, timestamp
from ...common.place import Place
from ..model import Model, ModelError, load
from ..settings import SettingsError
from .inputs import InputError, Inputs, read_inputs
from .places import local_files, look_again, remove_manifest, write_manifest
from .settings import BatchSettings, from_environ

EXIT_FAILED = 1
PREDICTIONS = "predictions.jsonl"
_ROWS_AT_A_TIME = 32


class _Parser(argparse.ArgumentParser):
    """A parser whose faults end the program as those of the environment do."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(message)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one shard; the exit code. Progress goes to standard output, the reason of a failure to stderr."""
    parser = _Parser(prog="predictor batch", description="Answer for one shard of the data.")
    parser.add_argument(
        "--row-seconds", type=float, default=0.0, help="slow each row down, to watch or to interrupt it (default: 0)"
    )
    try:
        args = parser.parse_args(argv)
        settings = from_environ(environ)
        with local_files(settings.data) as data:
            run(settings, read_inputs(data), row_seconds=args.row_seconds)
    except SettingsError as error:
        return _fail(str(error), os.EX_USAGE)
    except InputError as error:
        return _fail(str(error), os.EX_DATAERR)
    except (BucketError, FolderError, ModelError, OSError) as error:
        return _fail(str(error), EXIT_FAILED)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"predictor batch: {message}", file=sys.stderr, flush=True)
    return code


def run(settings: BatchSettings, inputs: Inputs, *, row_seconds: float = 0.0) -> None:
    """Answer for the shard unless it is complete, then end the batch if all shards are."""
    target = _shard(settings, settings.shard)
    if _is_done(settings, inputs, settings.shard):
        log("shard is complete already", shard=settings.shard, folder=str(target))
    else:
        _clear(settings, inputs, target)
        model = load(settings.model)
        place.publish(target, lambda draft: _answer(settings, inputs, model, draft, row_seconds))
        log("shard written", shard=settings.shard, folder=str(target))
    finish(settings, inputs)


def finish(settings: BatchSettings, inputs: Inputs) -> bool:
    """Write the manifest of the batch if all shards are complete; whether they are."""
    shards = settings.output / "shards"
    look_again(shards)
    if not all(_is_done(settings, inputs, number) for number in range(settings.shards)):
        return False
    if place.is_complete(settings.output) and _origin(settings, inputs).items() <= _whole(settings).items():
        return True
    manifests = [place.read_manifest(_shard(settings, number)) for number in range(settings.shards)]
    counts: Counter[str] = Counter()
    for manifest in manifests:
        counts.update(manifest["predictions"])
    write_manifest(
        settings.output,
        {
            "created": timestamp(),
            **_origin(settings, inputs),
            "rows": sum(manifest["rows"] for manifest in manifests),
            "predictions": dict(sorted(counts.items())),
        },
    )
    log("batch is complete", folder=str(settings.output), rows=inputs.count, shards=settings.shards)
    return True


def _whole(settings: BatchSettings) -> dict[str, Any]:
    return place.read_manifest(settings.output)


def _origin(settings: BatchSettings, inputs: Inputs) -> dict[str, Any]:
    """What the answers depend on, as manifests say it."""
    scheduled = settings.scheduled
    return {
        "model": settings.model.model_name,
        "modelVersion": settings.model.model_version,
        "codeVersion": settings.code_version,
        "dataHash": inputs.hash,
        "shards": settings.shards,
        **({"scheduled": scheduled.strftime("%Y-%m-%dT%H:%M:%SZ")} if scheduled else {}),
    }


def _shard(settings: BatchSettings, number: int) -> Place:
    return settings.output / "shards" / f"{number:04d}-of-{settings.shards:04d}"


def _is_done(settings: BatchSettings, inputs: Inputs, number: int) -> bool:
    """Whether a shard is complete, of this model and these data."""
    target = _shard(settings, number)
    if not place.is_complete(target):
        return False
    manifest, origin = place.read_manifest(target), _origin(settings, inputs)
    return all(manifest.get(key) == origin[key] for key in ("model", "modelVersion", "dataHash", "shards"))


def _clear(settings: BatchSettings, inputs: Inputs, target: Place) -> None:
    """Remove the shard of other data. The batch is then not complete either, which nobody must take it for."""
    if not place.is_complete(target):
        return
    log("shard of other data is removed", shard=settings.shard, folder=str(target))
    if place.is_complete(settings.output) and _whole(settings).get("dataHash") != inputs.hash:
        remove_manifest(settings.output)
    place.remove(target)


def _answer(settings: BatchSettings, inputs: Inputs, model: Model, draft: Path, row_seconds: float) -> None:
    """The files of a shard: a line for each row, and the manifest."""
    counts: Counter[int] = Counter()
    with (draft / PREDICTIONS).open("w", encoding="utf-8") as lines:
        for name, first, rows in inputs.shard(settings.shard, settings.shards):
            for begin in range(0, len(rows), _ROWS_AT_A_TIME):
                part = rows[begin : begin + _ROWS_AT_A_TIME]
                answers = model.predict(part)
                counts.update(answers)
                for offset, answer in enumerate(answers):
                    row = first + begin + offset
                    lines.write(json.dumps({"file": name, "row": row, "prediction": answer}) + "\n")
                log("progress", shard=settings.shard, rows=counts.total())
                time.sleep(row_seconds * len(part))
    manifest = {
        "created": timestamp(),
        **_origin(settings, inputs),
        "shard": settings.shard,
        "rows": counts.total(),
        "predictions": {str(answer): count for answer, count in sorted(counts.items())},
    }
    (draft / folder.MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def start(argv: Sequence[str]) -> NoReturn:
    """Run in this process, which may be the first of a container: SIGTERM ends it and removes what is unfinished."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main(argv, os.environ))
