"""What an endpoint can do, found out by trying: `dg doctor`.

promises     what any bucket must keep, the folder as well, asked through `Bucket`
diagnosis    all questions in turn, the report, what is remembered
leftovers    what killed processes left, uploads in parts above all

S3's own questions, conditions and checksums among them, are in `s3_bucket.probing`. Answers are
remembered for 30 days, see `findings`; what depends on one that is a no then refuses, in one line.
"""

from deltaloft.doctor.diagnosis import Report, diagnose, examine
from deltaloft.doctor.leftovers import Unfinished

__all__ = ["Report", "Unfinished", "diagnose", "examine"]
