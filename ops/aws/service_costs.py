"""What managed services cost, one function a type of resource."""

from __future__ import annotations

from collections.abc import Callable

from components.quantities import parse_quantity
from ops.aws.price_table import Prices
from ops.bill import Item, Line, number

# Classes of claims whose space is paid for elsewhere, by the file system or the bucket behind them.
SHARED_CLASSES = ("efs", "fsx", "s3", "nfs", "ceph")


def cluster(item: Item, prices: Prices) -> Line:
    cost = prices.service("eks-cluster-hour") * prices.hours
    name = str(item.at("name") or item.name)
    return Line(name=f"control plane {name}", group="cluster", floor=cost, ceiling=cost)


def nat_gateway(item: Item, prices: Prices) -> Line:
    hours = prices.service("nat-gateway-hour") * prices.hours
    traffic = prices.assumptions["nat-gb-each-gateway"]
    most = hours + traffic * prices.service("nat-gateway-gb")
    note = f"ceiling with {traffic:g} GB of traffic"
    return Line(name=f"NAT gateway {item.name}", group="network", floor=hours, ceiling=most, note=note)


def endpoint(item: Item, prices: Prices) -> Line:
    """An interface endpoint, in each of its subnets. Gateway endpoints are free."""
    if item.at("vpcEndpointType") != "Interface":
        return Line(name=f"endpoint {item.name}", group="network", floor=0, ceiling=0)
    subnets = len(item.at("subnetIds") or [None])
    cost = prices.service("interface-endpoint-hour") * prices.hours * subnets
    return Line(name=f"endpoint {item.name}", group="network", floor=cost, ceiling=cost, note=f"{subnets} zones")


def address(item: Item, prices: Prices) -> Line:
    cost = prices.service("public-ipv4-hour") * prices.hours
    return Line(name=f"public address {item.name}", group="network", floor=cost, ceiling=cost)


def database(item: Item, prices: Prices) -> Line:
    """RDS: twice in Multi-AZ; the disk from what is allocated to what it may grow to."""
    kind, name = str(item.at("instanceClass")), str(item.at("identifier") or item.name)
    hourly = prices.databases.get(kind)
    if hourly is None:
        return Line(name=f"database {name}", group="database", floor=0, ceiling=0, note=f"no price of {kind}")
    copies = 2 if item.at("multiAz") else 1
    disk = number(item.at("allocatedStorage"))
    grown = max(disk, number(item.at("maxAllocatedStorage")))
    each = prices.service("rds-gp3-gb-month")
    return Line(
        name=f"database {name}",
        group="database",
        floor=copies * (hourly * prices.hours + disk * each),
        ceiling=copies * (hourly * prices.hours + grown * each),
        note=f"{kind}{', two zones' if copies == 2 else ''}",
    )


def lustre(item: Item, prices: Prices) -> Line:
    size, speed = number(item.at("storageCapacity")), item.at("perUnitStorageThroughput")
    key = f"fsx-lustre-{int(number(speed))}-gb-month" if speed else "fsx-lustre-scratch-gb-month"
    cost = size * prices.service(key)
    name = f"Lustre {item.name}"
    return Line(name=name, group="storage", floor=cost, ceiling=cost, team=item.team, note=f"{size:g} GiB")


def _assumed(item: Item, prices: Prices, *, what: str, price: str, amount: str, group: str = "storage") -> Line:
    """Something that costs by what is put in: nothing at least, an assumed amount at most."""
    size = prices.assumptions[amount]
    cost = size * prices.service(price)
    name = f"{what} {item.name}"
    return Line(name=name, group=group, floor=0, ceiling=cost, team=item.team, note=f"ceiling with {size:g} GB")


def bucket(item: Item, prices: Prices) -> Line:
    return _assumed(item, prices, what="bucket", price="s3-gb-month", amount="s3-gb-each-bucket")


def file_system(item: Item, prices: Prices) -> Line:
    return _assumed(item, prices, what="file system", price="efs-gb-month", amount="efs-gb-each-file-system")


def repository(item: Item, prices: Prices) -> Line:
    return _assumed(item, prices, what="registry", price="ecr-gb-month", amount="ecr-gb-each-repository")


def log_group(item: Item, prices: Prices) -> Line:
    return _assumed(item, prices, what="logs", price="logs-gb", amount="logs-gb-each-group", group="logs")


def key(item: Item, prices: Prices) -> Line:
    cost = prices.service("kms-key-month")
    return Line(name=f"key {item.name}", group="keys", floor=cost, ceiling=cost, team=item.team)


def secret(item: Item, prices: Prices) -> Line:
    cost = prices.service("secret-month")
    return Line(name=f"secret {item.name}", group="keys", floor=cost, ceiling=cost, team=item.team)


def load_balancer(item: Item, prices: Prices) -> Line:
    """A load balancer, also that which AWS makes for a Service."""
    cost = prices.service("network-load-balancer-hour") * prices.hours
    return Line(name=f"load balancer {item.name}", group="network", floor=cost, ceiling=cost, team=item.team)


def claim(item: Item, prices: Prices) -> Line:
    """A volume claim, as an EBS volume of its size unless its class is that of a shared file system."""
    storage_class = str(item.at("spec", "storageClassName") or "")
    size = item.at("spec", "resources", "requests", "storage")
    gigabytes = 0.0
    if isinstance(size, str) and not any(word in storage_class for word in SHARED_CLASSES):
        gigabytes = float(parse_quantity(size)) / 2**30
    cost = gigabytes * prices.service("ebs-gp3-gb-month")
    return Line(name=f"volume {item.name}", group="storage", floor=cost, ceiling=cost, team=item.team)


PRICED: dict[str, Callable[[Item, Prices], Line]] = {
    "aws:eks/cluster:Cluster": cluster,
    "aws:ec2/natGateway:NatGateway": nat_gateway,
    "aws:ec2/vpcEndpoint:VpcEndpoint": endpoint,
    "aws:ec2/eip:Eip": address,
    "aws:rds/instance:Instance": database,
    "aws:fsx/lustreFileSystem:LustreFileSystem": lustre,
    "aws:s3/bucket:Bucket": bucket,
    "aws:efs/fileSystem:FileSystem": file_system,
    "aws:ecr/repository:Repository": repository,
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:kms/key:Key": key,
    "aws:secretsmanager/secret:Secret": secret,
    "aws:lb/loadBalancer:LoadBalancer": load_balancer,
}
