"""Runs one Pulumi program for the language host: connects the SDK to the engine, then runs `__main__.py`.

Its one argument is a JSON object with the settings that `host.py` got from the engine.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from pathlib import Path

ALREADY_REPORTED = 32


def main() -> int:
    settings = json.loads(sys.argv[1])
    program = settings.pop("program")
    sys.argv = [program]
    # `python __main__.py` has its folder first on the path; `runpy` on a file does not.
    folder = Path(program) if Path(program).is_dir() else Path(program).parent
    sys.path[0] = str(folder)

    import pulumi
    from pulumi.runtime import configure, run_in_stack, set_all_config
    from pulumi.runtime.settings import Settings

    set_all_config(json.loads(os.environ["PULUMI_CONFIG"]), json.loads(os.environ["PULUMI_CONFIG_SECRET_KEYS"]))
    configure(Settings(**settings))

    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    # A program that fails leaves outputs that nobody awaits; asyncio's remarks on them hide the real error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except Exception:  # noqa: BLE001  (whatever the program raised is shown, once, by the engine)
        pulumi.log.error(f"the program failed:\n{traceback.format_exc()}")
    else:
        return 0
    return ALREADY_REPORTED


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
