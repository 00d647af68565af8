"""Run the analytics service: `python -m services.analytics`."""

import gc
import os

from contracts.settings import read_settings
from services.analytics.app import create_app
from services.service import serve

GC_THRESHOLDS = (100_000, 50, 50)
"""A batch is thousands of short-lived structs without cycles, as in the event service."""

if __name__ == "__main__":
    settings = read_settings(os.environ)
    app = create_app(settings)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    serve(app, settings, settings.analytics_port)
