"""What is remembered: SQLAlchemy models and one repository module per concept.

Repositories take a `Database`, give frozen dataclasses and open one short transaction per call. Nothing above this package
sees a Session or a model class.
"""

from sightline.records.database import Database

__all__ = ["Database"]
