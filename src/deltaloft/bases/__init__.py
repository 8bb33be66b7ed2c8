"""The bases of a store: the index of them, and the choice of one.

stem      a name without its version
entry     what the index says of one base, and how it says it
index     .deltaloft/bases: a cache that many writers share
choice    which base a file most likely resembles
"""

from deltaloft.bases.choice import choose
from deltaloft.bases.entry import Base
from deltaloft.bases.index import BaseIndex
from deltaloft.bases.stem import stem

__all__ = ["Base", "BaseIndex", "choose", "stem"]
