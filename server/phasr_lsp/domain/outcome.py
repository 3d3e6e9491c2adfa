"""What became of replies: whether a model keeps to the format that it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from phasr_lsp.domain.model import EditFormat


class Outcome(StrEnum):
    """What one reply was good for."""

    GOOD = "good"
    """Usable, in the format that was asked for."""
    OTHER_FORMAT = "other_format"
    """Usable, in another one."""
    REFUSED = "refused"
    """Well-formed, and refused for what it does: it changes nothing, or more than was asked."""
    MALFORMED = "malformed"
    """An edit in it can't be read, or has no place in the files."""
    TRUNCATED = "truncated"
    """Cut off before its end."""
    BREAKS_SYNTAX = "breaks_syntax"
    """A file that parsed before doesn't parse with it."""

    @property
    def malformed(self) -> bool:
        return self in (Outcome.MALFORMED, Outcome.TRUNCATED, Outcome.BREAKS_SYNTAX)


@dataclass(frozen=True)
class Tally:
    """The replies of one model to requests for one format."""

    model: str
    """In the provider's spelling, so that whatever names a user has for it count together."""
    asked: EditFormat
    replies: Mapping[Outcome, int]
    """How many there were of each outcome; none is missing for 0."""

    @property
    def total(self) -> int:
        return sum(self.replies.values())

    @property
    def malformed(self) -> int:
        return sum(count for outcome, count in self.replies.items() if outcome.malformed)
