"""Requests to a model server, which the machine's proxy does not reach on the embedded cluster."""

import ipaddress
import json
import urllib.request
from typing import Any

from local.node.addresses import cluster_range


def post(url: str, body: object) -> Any:
    request = urllib.request.Request(  # noqa: S310  (the URL is a stack output)
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    # A proxy of the machine does not reach the embedded cluster.
    proxies = urllib.request.ProxyHandler({} if _is_embedded_address(request.host) else None)
    with urllib.request.build_opener(proxies).open(request, timeout=10) as answer:
        return json.load(answer)


def _is_embedded_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition(":")[0]) in ipaddress.ip_network(cluster_range())
    except ValueError:
        return False
