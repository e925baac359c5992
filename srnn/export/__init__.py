"""Export: the pruned network as a small, ordinary one that needs nothing of this project.

:mod:`~srnn.export.compact` (what is left once pruned connections, dead neurons and unread pixels
are gone), :mod:`~srnn.export.formats` (torch, safetensors, ONNX, npz),
:mod:`~srnn.export.example` (a generated program that loads the file with plain libraries),
:mod:`~srnn.export.proof` (equivalence, sizes and latency, measured).
"""

from srnn.export.compact import Compact, CompactNet
from srnn.export.formats import FORMATS, MissingPackage
from srnn.export.proof import Export, export
