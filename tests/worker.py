"""The Celery application for a worker of the tests: the real one, whose keys in Redis nobody else meets."""

import os

from config.celery import app

app.conf.broker_transport_options = app.conf.broker_transport_options | {
    "global_keyprefix": os.environ["REDIS_KEYS_OF_TESTS"]
}
