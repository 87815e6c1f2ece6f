"""An index has the policy that a search of it has."""

import pytest

from connector.errors import ConfigError
from connector.plan import match_policy
from connector.settings import Policy
from workers.training.policies import policy_of

LISTED = [
    Policy(name=str(number), indices=[pattern], fields=["title"])
    for number, pattern in enumerate(("shop-old", "shop*", "*.en", "*:news", "_all", ".kibana", "a*b*c", "x[yz]", "*"))
]
NAMES = ["shop", "shop-old", "shop,shop-new", "shop*,-shop-old", "-shop", "my.en", "eu:news", "eu:shop", "_all", "*"]
NAMES += [".kibana", ".hidden", "<shop-{now/d}>", "_x", "abc", "aXbYc", "xy", "x[yz]", "shop,a"]


@pytest.mark.parametrize("policies", [LISTED, LISTED[:4], []], ids=["all", "some", "none"])
@pytest.mark.parametrize("index", NAMES)
def test_as_the_proxy_matches(index, policies):
    found = match_policy(tuple(index.split(",")), policies)
    if found is None or isinstance(found, Policy):
        assert policy_of(index, policies) is found
    else:
        with pytest.raises(ConfigError, match="several policies cover these indices"):
            policy_of(index, policies)
