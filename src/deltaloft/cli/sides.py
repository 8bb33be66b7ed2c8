"""The two sides of cp, mv and sync, as the command line names them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

from deltaloft.cli.file_names import destination
from deltaloft.cli.options import Storage
from deltaloft.cli.output import LeftOut
from deltaloft.errors import InvalidRequest
from deltaloft.place import Place, locate

if TYPE_CHECKING:
    from deltaloft.known_files import KnownFiles
    from deltaloft.store import Store
    from deltaloft.transfers import Filters, Item, LocalSide, Side, StoreSide

__all__ = ["Sides", "is_url", "with_slash"]


class Sides:
    """Sides of transfers, and the stores they lie in, open until the end of a block."""

    def __init__(
        self, storage: Storage, *given: str, follow_symlinks: bool = True, reread: bool = False
    ) -> None:
        """Open sides as `storage` says; `given` are all that the command names."""
        self._storage = storage
        self._has_s3 = any(each.startswith("s3://") for each in given)
        self._follow = follow_symlinks
        self._stack = ExitStack()
        self._reread = reread
        self._known: KnownFiles | None = None
        self._stores: list[Store] = []
        self.left_out = LeftOut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def local(self, root: Path) -> LocalSide:
        """Return what is below a folder."""
        from deltaloft.known_files import KnownFiles
        from deltaloft.transfers import LocalSide

        if self._known is None:
            self._known = self._stack.enter_context(KnownFiles(reread=self._reread))
        return LocalSide(root, self.left_out, self._follow, self._known)

    def store(self, place: Place, prefix: str) -> StoreSide:
        """Open a store and return what is below a prefix."""
        from deltaloft.transfers import StoreSide

        opened = self._options(place.store).open(place.store, create=place.create)
        self._stores.append(self._stack.enter_context(opened))
        return StoreSide(opened, prefix)

    def requests(self) -> int | None:
        """Return how many requests were sent; None where none could be."""
        counted = [each.requests for each in self._stores if each.requests is not None]
        return sum(counted) if counted else None

    def _options(self, url: str) -> Storage:
        """Return the options for a store: a folder beside a bucket has no use for the bucket's."""
        if self._has_s3 and not url.startswith("s3://"):
            return replace(self._storage, endpoint_url=None, profile=None, region=None, root="")
        return self._storage

    def below(self, given: str, *, writing: bool = False) -> Side:
        """Return all that is below a folder or prefix.

        Raises:
            FileNotFoundError: the folder is not there, and not `writing`.
        """
        if is_url(given):
            place = locate(given, root=self._options(given).root, putting=writing)
            return self.store(place, with_slash(place.key))
        if not Path(given).is_dir() and Path(given).exists():
            raise NotADirectoryError(20, "a folder expected, found a file", given)
        if not writing and not Path(given).is_dir():
            raise FileNotFoundError(2, "no such folder", given)
        return self.local(Path(given))

    def check_apart(self, source: Side, filters: Filters) -> None:
        """Refuse to take the files that a store is made of for files to be stored in it.

        Raises:
            InvalidRequest: a store lies in the source folder, and no filter leaves it out.
        """
        for url in (each.url for each in self._stores):
            folder = Path(unquote(url.removeprefix("file://"))).resolve()
            root = getattr(source, "root", None)
            if root is None or not url.startswith("file:"):
                continue
            if folder.is_relative_to(root.resolve()):
                name = folder.relative_to(root.resolve()).as_posix()
                if filters.include(f"{name}/index.sqlite"):
                    raise InvalidRequest(
                        f"{url}: it lies in the source folder; leave it out: --exclude '{name}/*'"
                    )

    def one(self, given: str) -> tuple[Side, Item]:
        """Return a single file, and the side that holds it under its last name.

        Raises:
            OSError, NotFound: it is not there.
        """
        if not is_url(given):
            path = Path(given)
            if path.is_dir():
                raise IsADirectoryError(21, "is a folder: --recursive takes all below it", given)
            side = self.local(path.parent)
            return side, side.one(path.name)
        place = locate(given, root=self._options(given).root)
        folder, slash, name = place.key.rpartition("/")
        if not name:
            raise InvalidRequest(f"{given}: a key expected; --recursive takes all below a prefix")
        store_side = self.store(place, folder + slash)
        return store_side, store_side.one(name)

    def target(self, given: str, name: str) -> tuple[Side, str]:
        """Return where a single file goes, and under which name: `name` below a folder or prefix.

        Raises:
            InvalidRequest: that is no name for a file.
        """
        if not is_url(given):
            path = destination(given, name)
            return self.local(path.parent), path.name
        place = locate(given, root=self._options(given).root, putting=True)
        key = place.key if place.key and not place.key.endswith("/") else place.key + name
        return self.store(place, ""), key


def is_url(given: str) -> bool:
    """Say whether an argument names a store, and not a path of this machine."""
    return given.startswith(("s3://", "file://"))


def with_slash(prefix: str) -> str:
    """Return what all keys below a prefix begin with."""
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
