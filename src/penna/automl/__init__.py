"""The main job: read, search, select, post-process, refit and package."""
