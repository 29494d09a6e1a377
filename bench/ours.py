"""Starts our server for the benchmark: the application as it is, one worker, uvloop and httptools, no access log."""

from __future__ import annotations

import logging
import sys

import uvicorn

from app.logs import configure_logs
from app.settings import Settings
from app.web.application import create_app

if __name__ == "__main__":
    configure_logs(logging.WARNING)
    uvicorn.run(
        create_app(Settings()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
