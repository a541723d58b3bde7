"""What the trainings of both bundled models share, from the folder above."""
import pathlib
import sys

ASSETS = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ASSETS / "training"))

from engine import Context, FlatAdamW, schedule  # noqa: E402,F401  (first: it decides which GPU is seen)
from world import World, contact_sheet  # noqa: E402,F401
