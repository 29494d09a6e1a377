"""Fields that need thought: one batch function for each, and the way that all mutations take."""
