"""Celery (architecture.md, Delivery of work): at-least-once delivery of tasks safe to run twice."""

from typing import Any

from kombu import Exchange, Queue

QUEUE_NAMES = ["release", "claims", "screening", "settlement", "reports", "events"]
VISIBILITY_TIMEOUT_S = 3600

CELERY_TASK_QUEUES = [
    # Direct exchanges only: long-lived publishers lose messages on a topic exchange silently
    # after the broker was flushed.
    Queue(name, Exchange(name, type="direct"), routing_key=name)
    for name in QUEUE_NAMES
]
CELERY_TASK_DEFAULT_QUEUE = "events"
CELERY_TASK_DEFAULT_EXCHANGE = "events"
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "direct"
CELERY_TASK_DEFAULT_ROUTING_KEY = "events"
CELERY_TASK_CREATE_MISSING_QUEUES = False
# A task names its queue itself (`@shared_task(queue="settlement")`); anything else is an event.
CELERY_TASK_ROUTES: dict[str, dict[str, str]] = {}

CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# Outcomes are rows in PostgreSQL; nothing waits for a Celery result.
CELERY_TASK_IGNORE_RESULT = True

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A task that outlives the visibility timeout is delivered a second time while it still runs.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"visibility_timeout": VISIBILITY_TIMEOUT_S}
CELERY_TASK_TIME_LIMIT = VISIBILITY_TIMEOUT_S // 4 - 60
CELERY_TASK_SOFT_TIME_LIMIT = CELERY_TASK_TIME_LIMIT - 60
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
# Ticks are guarded by UNIQUE (job, tick); a beat behind schedule must not stampede.
DJANGO_CELERY_BEAT_TZ_AWARE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
