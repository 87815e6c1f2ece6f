import pytest

pytest.register_assert_rewrite("tests.connector.dialects.contract")
