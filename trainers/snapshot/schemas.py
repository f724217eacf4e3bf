"""The columns of a snapshot's Parquet files."""

import pyarrow as pa

FORMAT_VERSION = 1

_messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_labels = pa.list_(pa.string())

# A file may have more columns than these; a reader may rely on these. Responses and models
# of a preference are null where an imported vote does not know them.
SCHEMAS: dict[str, pa.Schema] = {
    "prompts": pa.schema(
        [
            ("prompt_id", pa.string()),
            ("messages", _messages),
            ("topics", _labels),
            ("language", pa.string()),
            ("split", pa.string()),
        ]
    ),
    "responses": pa.schema(
        [
            ("response_id", pa.string()),
            ("prompt_id", pa.string()),
            ("model", pa.string()),
            ("text", pa.string()),
        ]
    ),
    "preferences": pa.schema(
        [
            ("preference_id", pa.string()),
            ("comparison_id", pa.string()),
            ("prompt_id", pa.string()),
            ("response_a", pa.string()),
            ("response_b", pa.string()),
            ("model_a", pa.string()),
            ("model_b", pa.string()),
            ("rater", pa.string()),
            ("rater_kind", pa.string()),
            ("choice", pa.string()),
            ("strength", pa.float64()),
            ("weight", pa.float64()),
            ("created_at", pa.timestamp("us", tz="UTC")),
        ]
    ),
    "consensus": pa.schema(
        [
            ("comparison_id", pa.string()),
            ("p_a", pa.float64()),
            ("p_b", pa.float64()),
            ("p_tie", pa.float64()),
            ("p_both_bad", pa.float64()),
            ("n_human", pa.int64()),
            ("n_ai", pa.int64()),
        ]
    ),
    "outcomes": pa.schema(
        [("prompt_id", pa.string()), ("model", pa.string()), ("score", pa.float64())]
    ),
    "models": pa.schema([("model", pa.string()), ("name", pa.string()), ("topics", _labels)]),
}
