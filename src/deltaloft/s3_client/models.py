"""boto3's paginators and waiters, asking us.

Both are botocore's own, which call a client by the names of its methods.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import OperationNotPageableError
from botocore.paginate import Paginator
from botocore.waiter import Waiter, WaiterModel, create_waiter_with_client

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["paginator", "waiter"]


def paginator(client: Any, wrapped: S3Client, name: str) -> Paginator[Any]:
    """Return the paginator of a method of `client`.

    Raises:
        OperationNotPageableError: it has none.
    """
    if not wrapped.can_paginate(name):
        raise OperationNotPageableError(operation_name=name)
    operation = wrapped.meta.method_to_api_mapping[name]
    config = _session().get_paginator_model("s3").get_paginator(operation)
    model = wrapped.meta.service_model.operation_model(operation)
    return Paginator(getattr(client, name), config, model)


def waiter(client: Any, wrapped: S3Client, name: str) -> Waiter:
    """Return a waiter that asks `client`.

    Raises:
        ValueError: there is none of this name.
    """
    model: WaiterModel = _session().get_waiter_model("s3")
    names = {xform_name(each): each for each in model.waiter_names}
    if name not in names:
        raise ValueError(f"Waiter does not exist: {name}")
    return create_waiter_with_client(names[name], model, client)


@cache
def _session() -> botocore.session.Session:
    """Return a session for botocore's descriptions alone; it is asked for no credentials."""
    return botocore.session.Session()
