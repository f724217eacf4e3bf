"""The columns of a snapshot's Parquet files."""

import pyarrow as pa

FORMAT_VERSION = 1

# Tables and columns that snapshots of an earlier version lack: such a table reads as empty, such a
# column a reader must do without.
LATER_TABLES = {"decisions"}
OPTIONAL = {("preferences", "aspects"), ("models", "base"), ("outcomes", "source")}

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
            ("aspects", pa.string()),  # a JSON object of choices by aspect; null for none
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
        [
            ("prompt_id", pa.string()),
            ("model", pa.string()),
            ("score", pa.float64()),
            ("source", pa.string()),  # the benchmark or the checker
        ]
    ),
    "models": pa.schema(
        [
            ("model", pa.string()),
            ("name", pa.string()),
            ("topics", _labels),
            ("base", pa.string()),  # the model that it was derived from
        ]
    ),
    # What routing chose, and how likely that was: what off-policy evaluation reads.
    "decisions": pa.schema(
        [
            ("decision_id", pa.string()),
            ("prompt_id", pa.string()),
            ("models", _labels),  # all that were considered
            ("propensities", pa.list_(pa.float64())),  # of each of them to be among those shown
            ("chosen", _labels),  # in the order shown
            ("pair_propensity", pa.float64()),  # of exactly those in that order
            ("policy", pa.string()),
            ("router_version", pa.string()),
            ("rewards", pa.list_(pa.float64())),  # of each that was shown; null without a judgment
            ("rater", pa.string()),
            ("created_at", pa.timestamp("us", tz="UTC")),
        ]
    ),
}


def required(table: str) -> pa.Schema:
    """Return the columns that every snapshot's table has."""
    return pa.schema([field for field in SCHEMAS[table] if (table, field.name) not in OPTIONAL])
