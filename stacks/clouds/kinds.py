"""What clouds add to general sections: kinds of storage and of secrets, and keys of teams and of the secret store.

The general models take these from here, so that they name no cloud. Another cloud's are one more member each.
"""

from __future__ import annotations

from stacks.clouds.aws.kinds.storage import EfsStorage, FsxStorage

# Kinds of `storage:`.
CloudStorage = EfsStorage | FsxStorage
