"""The rules that write: guard, load with a lock, decide, change, answer."""

from app.operations import duty

__all__ = ["duty"]  # it keeps what is expected in step with whatever writes employments
