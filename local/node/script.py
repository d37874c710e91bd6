"""The script that the node's first process runs before it becomes the supervisor. A pure function."""

from local.node.addresses import Addresses
from local.node.cgroups import CGROUPS
from local.node.settings import POLICY_QUEUE, Node
from local.paths import VENV_BIN

#: Kernel settings that the kubelet insists on. It finds them set inside the node; the machine's own stay as they are.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def enter(node: Node) -> str:
    """Mounts, cgroup, addresses, firewall, and then the supervisor."""
    fake = "\n".join(
        f"printf '%s\\n' {value} > /run/kernel/{name.replace('/', '.')}\n"
        f"mount --bind /run/kernel/{name.replace('/', '.')} /proc/sys/{name}"
        for name, value in KERNEL_SETTINGS.items()
    )
    policies = "\n".join(policy_rules(node.addresses))
    return f"""\
#!/bin/sh
set -eu
# Shared below this namespace, so that the kubelet's mounts reach the containers.
mount --make-rshared /
mount --bind {node.state}/var-lib /var/lib
mount --bind {node.state}/var-log /var/log
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/kernel
{fake}
for tasks in $(find {CGROUPS} -maxdepth 4 -path '*{node.cgroup}/node/cgroup.procs'); do echo $$ > "$tasks"; done
hostname {node.name}
ip link set lo up
# The machine moves the node's end of the link in here.
while ! ip link show eth0 > /dev/null 2>&1; do sleep 0.05; done
ip address add {node.addresses.node}/{node.addresses.link.prefixlen} dev eth0
ip link set eth0 up
sysctl -q -w net.ipv4.ip_forward=1
# A machine that forwards (Docker makes it so) would let its neighbours in: only the machine itself may.
for chain in INPUT FORWARD; do iptables -A $chain -i eth0 ! -s {node.addresses.host} -j DROP; done
{policies}
exec {VENV_BIN}/supervisord -c {node.settings}/supervisord.conf
"""


def policy_rules(network: Addresses) -> list[str]:
    """iptables rules that send the first packet of every connection of a pod to the policy engine, and wait for it.

    They stand before the first pod does. While the engine does not run, the kernel drops what would go to it: pods
    then open no connections, rather than connections that no policy allows.
    """
    judged = "POD-POLICIES"
    return [
        f"iptables -t mangle -N {judged}",
        f"iptables -t mangle -A {judged} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
        # The kubelet's probes, and the API server's requests to webhooks and aggregated APIs.
        f"iptables -t mangle -A {judged} -m addrtype --src-type LOCAL -j RETURN",
        # A resolver sends two queries at once from one port. Before Linux 6.12 the kernel drops one of two such packets
        # that both wait for a verdict, which costs five seconds. So whoever asks the cluster's DNS may.
        f"iptables -t mangle -A {judged} -p udp --dport 53 -m conntrack --ctorigdst {network.dns_service} -j RETURN",
        f"iptables -t mangle -A {judged} -j NFQUEUE --queue-num {POLICY_QUEUE}",
        # After the Service's address became a pod's, and before any address is masked.
        *(f"iptables -t mangle -A POSTROUTING {end} {network.pods} -j {judged}" for end in ("-s", "-d")),
        # To the node itself: the API server, the kubelet.
        f"iptables -t mangle -A INPUT -s {network.pods} -j {judged}",
    ]
