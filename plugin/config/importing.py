"""The table of the configuration for imports."""

from pydantic import field_validator

from plugin.config.base import Count, Section

_MEDIUMS = ("Print=print", "Websites=website", "Social Media=social media")


class ImportingSection(Section):
    """Consents from elsewhere: what their terms mean here, and limits on the size of a file."""

    mediums: tuple[str, ...] = (*_MEDIUMS, "TV=tv", "Merchandise=merchandise")
    purposes: tuple[str, ...] = ()
    rows: Count = 20000
    megabytes: Count = 25
    pages: Count = 50

    @field_validator("mediums")
    @classmethod
    def pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            medium, mark, _ = pair.partition("=")
            if not mark or not medium.strip():
                raise ValueError(f"{pair!r}: write MEDIUM=CHANNEL, or MEDIUM= for one that is no channel here")
        return value

    def strange(self, channels: tuple[str, ...]) -> set[str]:
        """Channels in `mediums` that are not configured; the default pairs are not checked."""
        chosen = set(self.mediums) - set(type(self).model_fields["mediums"].default)
        return {pair.partition("=")[2].strip() for pair in chosen} - {"", *channels}

    @property
    def channel_of(self) -> dict[str, str]:
        """Channels by medium, both as written; "" for a medium that is no channel."""
        pairs = (pair.partition("=") for pair in self.mediums)
        return {medium.strip(): channel.strip() for medium, _, channel in pairs}
