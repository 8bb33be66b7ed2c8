"""Ten lines that every wheel has to survive, on whatever machine it was built for."""

import tempfile
from pathlib import Path

import deltaloft

source, target = b"deltaloft " * 5000, b"deltaloft " * 3000 + b"!" + b"deltaloft " * 2000
assert deltaloft.decode(source, deltaloft.encode(source, target)) == target
with tempfile.TemporaryDirectory() as folder, deltaloft.Store.open(folder, create=True) as store:
    store.put(target, "app.bin")
    store.get("app.bin", Path(folder, "back"))
    assert Path(folder, "back").read_bytes() == target
print("ok")
