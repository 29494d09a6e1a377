"""The rules that write: guard, load with a lock, decide, change, answer."""
