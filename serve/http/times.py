"""Times in requests: texts with a zone, and nothing else that could pass for a time."""

from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

EXAMPLE = "2026-01-05T09:30:00Z"


class Rfc3339:
    """Marks a datetime that is given as RFC 3339 has it, such as 2026-01-05T09:30:00Z."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls,
        source: Any,  # noqa: ANN401 - pydantic's signature
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        """Read a text that begins with a year, and then as a time: "1700000000" is none."""
        return core_schema.chain_schema(
            [
                core_schema.str_schema(pattern=r"^\d{4}-\d", max_length=40, strict=True),
                core_schema.datetime_schema(tz_constraint="aware", strict=False),
            ]
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Mapping[str, object]:
        """Tell what is read, as JSON Schema."""
        return {"type": "string", "format": "date-time", "examples": [EXAMPLE]}
