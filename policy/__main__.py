"""Entry point of the pack: `pulumi preview --policy-pack policy` runs this folder."""

import sys
from pathlib import Path

# The engine starts the pack with this folder as the only entry of ours on the path. The rules need the
# repository root: catalog.yaml says which images are known, and images/ names a sample image by its content.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy.pack import serve

serve()
