"""What the tests of the sample images share."""

from dataclasses import dataclass
from pathlib import Path

NAME, VERSION = "digits", "v0123456789"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Folders of a finished preprocessing and training."""

    data: Path
    models: Path

    @property
    def model(self) -> Path:
        return self.models / NAME / VERSION
