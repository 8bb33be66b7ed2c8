"""What a file resembles, in a few characters.

sketch     bins over a file's own bytes, and how alike two rows of bins are
inside     bins over what a zip or gzip file holds, which does not depend on how it was packed
"""

from deltaloft.sketch.inside import inside
from deltaloft.sketch.sketch import Sketch, SketchWriter, parsed, resemblance

__all__ = ["Sketch", "SketchWriter", "inside", "parsed", "resemblance"]
