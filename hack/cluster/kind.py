from __future__ import annotations
from pathlib import Path
from hack.cluster.layout import Layout
from hack.cluster.model import Cluster
def usable(layout: Layout) -> bool: return False
def up(layout: Layout) -> Cluster: raise NotImplementedError
def down(layout: Layout) -> bool: return False
def running(layout: Layout) -> Cluster | None: return None
def load(layout: Layout, archive: Path) -> None: raise NotImplementedError
