"""The operator's image, built from operator/Dockerfile by buildah on bases made of Debian packages.

    from hack import operator_image
    image = operator_image.build()     # .ref and .tar, like the images of workloads/

No image registry is asked. A second build of the same sources takes no time; one that was killed leaves nothing that a
later one would trust.
"""

from __future__ import annotations

from hack.operator_image.builder import OperatorImage, build

__all__ = ["OperatorImage", "build"]
