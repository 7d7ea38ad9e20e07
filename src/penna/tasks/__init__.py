"""Tasks: one file per task; the folder is the registry."""

from penna.tasks.base import Task, TaskDefaults, TaskType, find, recognised, restore, task_type

__all__ = ["Task", "TaskDefaults", "TaskType", "find", "recognised", "restore", "task_type"]
