"""The bases of a store: the index of them, and the choice of one.

stem      a name without its version
entry     what the index says of one base, and how it says it
index     .deltaloft/bases: a cache that many writers share
choice    which base a file most likely resembles
"""

from deltaloft.bases.choice import Candidate, best, in_doubt, ranked
from deltaloft.bases.entry import Base, written
from deltaloft.bases.index import BaseIndex
from deltaloft.bases.rebasing import LARGEST_DELTA, noted, pays
from deltaloft.bases.stem import stem

__all__ = [
    "LARGEST_DELTA",
    "Base",
    "BaseIndex",
    "Candidate",
    "best",
    "in_doubt",
    "noted",
    "pays",
    "ranked",
    "stem",
    "written",
]
