"""The guide for a cluster of one node, docs/start/laptop.md, on the embedded cluster as one that was there already.

It is among the first files of its folder, since it leaves the cluster as it finds it.
"""

from __future__ import annotations

import pytest
import yaml

from local.commands.down import down
from local.commands.predict import predict
from local.commands.up import up
from local.node import pki
from local.node.addresses import cluster_range
from local.paths import INSTANCES
from tests.embedded import EmbeddedCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

STACK = "laptop"


@pytest.fixture
def kubeconfig(embedded: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kind would have written: another current context, and one for the cluster of the guide."""
    known = yaml.safe_load(embedded.node.instance.kubeconfig.read_text())
    known["contexts"][0]["name"] = "kind-ml"
    known["current-context"] = ""
    path = embedded.node.instance.folder / "laptop.kubeconfig"
    pki.write_private(path, yaml.safe_dump(known).encode())
    monkeypatch.setenv("KUBECONFIG", str(path))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, f"127.0.0.1,{cluster_range()}")
    # The folder of its Pulumi: `make down` must not meet a cluster of the user's own.
    monkeypatch.setitem(INSTANCES, "dev", embedded.node.instance)


@pytest.mark.usefixtures("kubeconfig")
def test_the_commands_of_the_guide_train_and_serve(
    embedded: EmbeddedCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        up(STACK)
        shown = capsys.readouterr().out
        assert "kubectl port-forward --namespace demo service/digits 8080:80 &" in shown
        assert '-> {"' in shown
        predict(STACK, 3)
        assert "accuracy 0.9" in capsys.readouterr().out
    finally:
        down(STACK)
        # The file of shell lines is that of the tests' own stack again.
        embedded.pulumi.ensure()
    assert embedded.kubectl("get", "namespace", "demo", ok=False).returncode != 0
    assert embedded.node.program_states(), "the embedded cluster was stopped"
