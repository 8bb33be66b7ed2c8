"""Everything below a prefix or folder moved into a store, and proven there, however long it takes.

Location     the two ends, in words that another machine understands
Journal      what there is to move, and what has arrived: one SQLite file
estimate     what the store would hold, from a sample that is really stored
migrate      moves it, several files at a time, here or on a Dask cluster

             listing ─> Journal ─> families, each oldest first ─> Crew ─> Journal ─> report
"""

from deltaloft.migration.crew import Crew, cluster, threads
from deltaloft.migration.estimate import Estimate, estimate
from deltaloft.migration.journal import Journal, Totals, default_journal
from deltaloft.migration.location import Location, items_of
from deltaloft.migration.moving import Check, Moved, Mover
from deltaloft.migration.run import migrate

__all__ = [
    "Check",
    "Crew",
    "Estimate",
    "Journal",
    "Location",
    "Moved",
    "Mover",
    "Totals",
    "cluster",
    "default_journal",
    "estimate",
    "items_of",
    "migrate",
    "threads",
]
