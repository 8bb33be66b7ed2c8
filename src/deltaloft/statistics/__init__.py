"""What a store holds and what it saves.

    summarized    the numbers, out of one listing
    page          the same as one page of HTML with charts

summary ─> page <─ charts
"""

from deltaloft.statistics.page import page
from deltaloft.statistics.summary import BaseUse, Drift, Moment, Summary, Totals, summarized

__all__ = ["BaseUse", "Drift", "Moment", "Summary", "Totals", "page", "summarized"]
