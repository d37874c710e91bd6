"""Names by which Jobs, queues and nodes find each other in Kueue."""

API_VERSION = "kueue.x-k8s.io/v1beta2"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
# Kueue puts a Job that names no queue into the LocalQueue of this name, so nothing of a team passes its queue by.
LOCAL_QUEUE = "default"
# Where CPU and memory are counted: on whatever node a pod lands, as a ResourceQuota counts them.
DEFAULT_FLAVOR = "default-flavor"
