"""The AWS provider's answers, as far as the program reads them; and the graph of a whole AWS stack."""

from __future__ import annotations

import functools
import importlib
import warnings
from typing import Any

import yaml
from pulumi.runtime import mocks

from stacks.environment.build import build
from stacks.environment.config import Environment
from stacks.team_stack import build as team_stack
from stacks.team_stack.config import TeamStack
from tests.sound import sound
from tests.unit.recorder import Deployed, Engine, Graph, Recorder, deploy
from tests.unit.stacks.programs import ROOT

# The SDK's modules tell of their own deprecated resources when they are imported; warnings are errors here.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    for _module in ("autoscaling", "cloudwatch", "ec2", "ecr", "eks", "iam", "rds", "s3", "vpc"):
        # They are lazy: the first look at an attribute executes them.
        hasattr(importlib.import_module(f"pulumi_aws.{_module}"), "anything")

ENVIRONMENTS = ("staging", "prod")
TEAM_STACK = "prod-vision"
STACKS = (*ENVIRONMENTS, TEAM_STACK)
# The region and account of the example stacks are in the answers only where the program computes nothing from them.
_ARN = "arn:aws:{service}:eu-west-1:000000000000:{name}"


class AwsEngine(Engine):
    """Computed properties of AWS resources. What a test compares is never made here, only in the program."""

    def __init__(self, other_stacks: dict[str, Any]) -> None:
        self.other_stacks = other_stacks

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == "pulumi:pulumi:StackReference":
            name = args.inputs["name"]
            return name, {"name": name, "outputs": self.other_stacks[name], "secretOutputNames": []}
        identity, state = super().new_resource(args)
        if args.typ.startswith("aws:"):
            service = args.typ.split(":")[1].split("/")[0]
            state.setdefault("arn", _ARN.format(service=service, name=args.name))
            state.update(self._computed(args))
        return identity, state

    def _computed(self, args: mocks.MockResourceArgs) -> dict[str, Any]:
        match args.typ:
            case "aws:eks/cluster:Cluster":
                return {
                    "endpoint": "https://eks.example",
                    "certificateAuthority": {"data": "Y2E="},
                    "identities": [{"oidcs": [{"issuer": "https://oidc.example/id"}]}],
                    "vpcConfig": {**args.inputs["vpcConfig"], "clusterSecurityGroupId": "sg-cluster"},
                }
            case "aws:eks/nodeGroup:NodeGroup":
                return {"resources": [{"autoscalingGroups": [{"name": f"asg-{args.name}"}]}]}
            case "aws:ec2/launchTemplate:LaunchTemplate":
                return {"latestVersion": 1}
            case "aws:kms/key:Key":
                return {"keyId": f"{args.name}-id"}
            case "aws:ecr/repository:Repository":
                return {"repositoryUrl": f"registry.example/{args.inputs['name']}"}
            case "aws:rds/instance:Instance":
                return {
                    "address": "db.example",
                    "masterUserSecrets": [{"secretArn": _ARN.format(service="secretsmanager", name="rds")}],
                }
            case "aws:fsx/lustreFileSystem:LustreFileSystem":
                return {"dnsName": "fsx.example", "mountName": "mount"}
            case "aws:sqs/queue:Queue":
                return {"url": f"https://sqs.example/{args.inputs['name']}"}
            case _:
                return {}


class AwsRecorder(Recorder):
    """The recorder, with AWS's answers beside Kubernetes'."""

    def __init__(self, graph: Graph, other_stacks: dict[str, Any] | None = None) -> None:
        mocks.MockMonitor.__init__(self, AwsEngine(other_stacks or {}))
        self.graph = graph


def deploy_aws(config: dict[str, Any], *, stack: str = "test") -> Deployed:
    """The graph of an environment in AWS. `config`: `ml-platform:environment` of a stack file."""
    environment = sound(Environment, config)
    return deploy(lambda: build(environment), stack=stack, monitor=AwsRecorder)


def deploy_team(config: dict[str, Any], *, stack: str, environment: dict[str, Any]) -> Deployed:
    """The graph of a team stack. `environment`: the outputs of the stack that it refers to."""
    team = sound(TeamStack, config)
    known = {team.environment: environment}
    return deploy(lambda: team_stack.build(team), stack=stack, monitor=lambda graph: AwsRecorder(graph, known))


@functools.cache
def deployed(stack: str) -> Deployed:
    """The graph of an AWS stack file of this repository. Read-only: tests share it."""
    if stack == TEAM_STACK:
        config = stack_file(stack)["ml-platform:team"]
        return deploy_team(config, stack=stack, environment=deployed("prod").result)
    return deploy_aws(stack_file(stack)["ml-platform:environment"], stack=stack)


def stack_file(stack: str) -> dict[str, Any]:
    """The `config` of a stack file of this repository."""
    return yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
