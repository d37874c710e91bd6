"""A stack on AWS has its state elsewhere: no command makes one for it on this machine, or looks for it there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.commands.down import down
from local.commands.outputs import outputs
from local.commands.recover import recover
from local.commands.up import up
from local.errors import Failure


@pytest.mark.parametrize("stack", ["staging", "prod"])
@pytest.mark.parametrize("command", [up, outputs, recover, down])
def test_a_stack_on_aws_is_left_to_the_users_own_pulumi(command: Callable[[str], None], stack: str) -> None:
    with pytest.raises(Failure, match=f"pulumi up --stack {stack}"):
        command(stack)
