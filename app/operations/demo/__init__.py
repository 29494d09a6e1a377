"""The demo's data: synthetic, bilingual, the same for the same moment but for its secrets."""

from app.operations.demo.file import DemoFile, prepare_demo
from app.operations.demo.seed import DemoResult, NotEmpty, is_empty, seed_demo

__all__ = ["DemoFile", "DemoResult", "NotEmpty", "is_empty", "prepare_demo", "seed_demo"]
