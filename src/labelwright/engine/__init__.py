"""The engine drives labeling jobs; the desk is where workers take tasks and hand in answers."""

from labelwright.engine.desk import Desk
from labelwright.engine.engine import Engine
from labelwright.engine.views import JobCard, RenderedTask, TaskView

__all__ = ["Desk", "Engine", "JobCard", "RenderedTask", "TaskView"]
