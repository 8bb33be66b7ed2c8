"""Many files at once between folders and stores: what cp, mv, sync and rm --recursive do.

    LocalSide, StoreSide    where files are: a folder, or the keys below a prefix
    Filters                 which of them are meant
    copies, synced, ...     what is to be done, as steps
    run                     does it, several at a time

sides, filters ─> steps ─> run
"""

from deltaloft.transfers.filters import Filters
from deltaloft.transfers.run import Done, Options, run, with_guessed_type
from deltaloft.transfers.sides import Item, LocalSide, Side, Skipped, StoreSide
from deltaloft.transfers.steps import Step, copies, removals, synced

__all__ = [
    "Done",
    "Filters",
    "Item",
    "LocalSide",
    "Options",
    "Side",
    "Skipped",
    "Step",
    "StoreSide",
    "copies",
    "removals",
    "run",
    "synced",
    "with_guessed_type",
]
