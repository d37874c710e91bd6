"""Recorded previews: which resources change and how, and what the policies reported.

A preview can be recorded in two forms, and files of both can be mixed:

- `pulumi preview --json` writes one object with `steps` and `diagnostics`. It has no policy results.
- The same command with `PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true` writes one engine event a line, with policy results.
"""
