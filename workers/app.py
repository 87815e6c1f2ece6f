"""The Celery application. Rule: messages are ordinary protocol-2 tasks in msgpack; a worker takes one at a time, has
no result backend, and talks to no other worker.
"""

from celery import Celery

from connector.contract import SERIALIZER
from workers.broker import PromptAMQP
from workers.prompt import PromptStep


def make_app(broker_url: str) -> Celery:
    """An application without tasks. `unix://PATH?db=1` is read as kombu's `redis+socket://PATH?virtual_host=1`."""
    url = broker_url
    if url.startswith("unix://"):
        url = url.replace("unix://", "redis+socket://").replace("db=", "virtual_host=")
    app = Celery("secondpass", broker=url, amqp=PromptAMQP, set_as_current=False)
    app.conf.update(
        accept_content=[SERIALIZER],
        task_serializer=SERIALIZER,
        task_ignore_result=True,
        task_acks_late=False,  # a search cannot wait for a redelivery
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "queue_order_strategy": "priority",
            "socket_keepalive": True,
            "health_check_interval": 3,  # seconds: a connection that was dropped in silence is noticed
            "ack_emulation": False,  # on Redis: no second copy of a message, which nobody would send again
        },
    )
    app.steps["consumer"].add(PromptStep)
    return app
