"""Alerts about volumes that run full."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup

GROUP = RuleGroup(
    name="storage",
    rules=[
        Alert(
            name="VolumeNearlyFull",
            expression="min by (namespace, persistentvolumeclaim) (\n"
            "  kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes\n"
            ") < 0.1",
            hold="10m",
            severity="warning",
            summary="The volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} has less than 10 % free.",
        ),
        Alert(
            name="VolumeInodesNearlyGone",
            # Some file systems have no inodes to run out of: they say 0 of 0, which is no number.
            expression="min by (namespace, persistentvolumeclaim) (\n"
            "  kubelet_volume_stats_inodes_free / kubelet_volume_stats_inodes\n"
            ") < 0.1",
            hold="10m",
            severity="warning",
            summary="The volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} can take few more files.",
        ),
        Alert(
            name="NodeDiskNearlyFull",
            expression="min by (node) (\n"
            '  node_filesystem_avail_bytes{mountpoint="/", fstype!~"tmpfs|ramfs"}\n'
            '  / node_filesystem_size_bytes{mountpoint="/", fstype!~"tmpfs|ramfs"}\n'
            ") < 0.1",
            hold="10m",
            severity="warning",
            summary="The disk of the node {{ $labels.node }} has less than 10 % free.",
        ),
    ],
)
