"""Reads the side effects that a reply claims: folding, segments, tags, a small grammar, fields. Standard library only.

Not responsible for judging a claim: that is `services.domain.matching` and `services.domain.verify`.
"""

from services.domain.reading.drafts import Reading, Report
from services.domain.reading.reader import LexicalClaimReader

__all__ = ["LexicalClaimReader", "Reading", "Report"]
