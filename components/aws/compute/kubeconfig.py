"""Kubeconfig of an EKS cluster. It holds no secret: each user's own AWS credentials make the token."""

from __future__ import annotations

import json


def render(*, name: str, endpoint: str, certificate_authority: str, region: str) -> str:
    """A kubeconfig, as JSON, that asks the AWS CLI for a token. certificate_authority: base64, as EKS gives
    it.
    """
    token = ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"]
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority},
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [
                {
                    "name": name,
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1",
                            "command": "aws",
                            "args": token,
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
        },
        sort_keys=True,
    )
