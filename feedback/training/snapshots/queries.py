"""The query of each table of a snapshot, in a fixed order, so that equal pools give equal bytes.

`JUDGED` stands before every statement and names the active judgments that may train, and the thumbs
of people whose newest consent says so, both of texts that are in circulation. Keys of the pool are
safe here: a snapshot is not published.
"""

JUDGED = """
WITH judged AS NOT MATERIALIZED (
  SELECT p.* FROM feedback_preference p
    JOIN feedback_comparison w ON w.id = p.comparison_id AND w.withheld_at IS NULL
    LEFT JOIN feedback_consentrecord g ON g.id = p.consent_id
   WHERE p.state = 'active' AND (g.id IS NULL OR 'train' = ANY (g.scope))
), thumbed AS NOT MATERIALIZED (
  SELECT n.id, n.rater_id, n.created_at, n.value, x.turn_id, x.version_id
    FROM feedback_reaction n
    JOIN feedback_response x ON x.id = n.response_id AND x.withheld_at IS NULL
    JOIN feedback_rater r ON r.id = n.rater_id
    JOIN feedback_contributor u ON u.id = r.contributor_id AND u.is_active
   WHERE n.kind = 'thumb'
     AND 'train' = ANY ((SELECT g.scope FROM feedback_consentrecord g
                          WHERE g.contributor_id = u.id ORDER BY g.id DESC LIMIT 1)::text[])
)
"""

PROMPTS = """
SELECT t.id::text AS prompt_id, t.messages, t.language,
       CASE WHEN t.messages = '[]' THEN t.question_id ELSE '' END AS question,
       ARRAY(SELECT topic.slug FROM feedback_turn_topics tt
               JOIN feedback_topic topic ON topic.id = tt.topic_id
              WHERE tt.turn_id = t.id ORDER BY topic.slug) AS topics
  FROM feedback_turn t
 WHERE t.withheld_at IS NULL AND (
       t.id IN (SELECT c.turn_id FROM judged p JOIN feedback_comparison c ON c.id = p.comparison_id)
    OR t.id IN (SELECT o.turn_id FROM feedback_outcome o)
    OR t.id IN (SELECT h.turn_id FROM thumbed h JOIN feedback_modelroute m USING (turn_id)))
 ORDER BY t.id
"""

# Which of some prompts a snapshot that is taken now would still hold.
STILL_THERE = """
SELECT t.id::text
  FROM feedback_turn t
 WHERE t.id = ANY (%s::uuid[]) AND t.withheld_at IS NULL AND (
       EXISTS (SELECT FROM judged p JOIN feedback_comparison c ON c.id = p.comparison_id
                WHERE c.turn_id = t.id)
    OR EXISTS (SELECT FROM feedback_outcome o WHERE o.turn_id = t.id))
"""

RESPONSES = """
SELECT r.id::text AS response_id, r.turn_id::text AS prompt_id, v.label AS model, r.text
  FROM feedback_response r LEFT JOIN feedback_modelversion v ON v.id = r.version_id
 WHERE r.id IN (SELECT unnest(ARRAY[c.response_a_id, c.response_b_id])
                  FROM judged p JOIN feedback_comparison c ON c.id = p.comparison_id)
 ORDER BY r.id
"""

PREFERENCES = """
SELECT p.id::text AS preference_id, c.id::text AS comparison_id, c.turn_id::text AS prompt_id,
       c.response_a_id::text AS response_a, c.response_b_id::text AS response_b,
       a.label AS model_a, b.label AS model_b, r.public_id AS rater, r.kind AS rater_kind,
       p.choice, p.strength, r.weight, p.created_at,
       NULLIF(p.aspects, '{}'::jsonb)::text AS aspects
  FROM judged p
  JOIN feedback_comparison c ON c.id = p.comparison_id
  JOIN feedback_rater r ON r.id = p.rater_id
  LEFT JOIN feedback_modelversion a ON a.id = c.version_a_id
  LEFT JOIN feedback_modelversion b ON b.id = c.version_b_id
 ORDER BY p.id
"""

CONSENSUS = """
SELECT s.comparison_id::text, s.p_a, s.p_b, s.p_tie, s.p_both_bad, s.n_human, s.n_ai
  FROM feedback_consensus s
 WHERE s.comparison_id IN (SELECT p.comparison_id FROM judged p)
 ORDER BY s.comparison_id
"""

OUTCOMES = """
SELECT o.turn_id::text AS prompt_id, v.label AS model, o.score, o.source
  FROM feedback_outcome o JOIN feedback_modelversion v ON v.id = o.version_id
  JOIN feedback_turn t ON t.id = o.turn_id AND t.withheld_at IS NULL
 ORDER BY o.id
"""

MODELS = """
SELECT v.label AS model, m.name,
       ARRAY(SELECT topic.slug FROM feedback_languagemodel_topics mt
               JOIN feedback_topic topic ON topic.id = mt.topic_id
              WHERE mt.languagemodel_id = m.id ORDER BY topic.slug) AS topics,
       b.label AS base
  FROM feedback_modelversion v JOIN feedback_languagemodel m ON m.id = v.model_id
  LEFT JOIN feedback_modelversion b ON b.id = v.base_id
 ORDER BY v.label COLLATE "C"
"""

# A judgment counts for the decision that its own rater was shown, while the names were hidden.
DECISIONS = """
SELECT m.public_id AS decision_id, m.turn_id::text AS prompt_id, considered.models,
       considered.propensities, displayed.chosen, m.pair_propensity, m.policy, m.router_version,
       COALESCE(duel.rewards, single.rewards) AS rewards, r.public_id AS rater, m.created_at
  FROM feedback_modelroute m
  JOIN feedback_turn t ON t.id = m.turn_id AND t.withheld_at IS NULL
  JOIN feedback_rater r ON r.contributor_id = m.contributor_id
  CROSS JOIN LATERAL (
    SELECT array_agg(v.label ORDER BY e.ordinal) AS models,
           array_agg((e.one ->> 'propensity')::float8 ORDER BY e.ordinal) AS propensities
      FROM jsonb_array_elements(m.considered) WITH ORDINALITY e (one, ordinal)
      JOIN feedback_modelversion v ON v.id = (e.one ->> 'version')::uuid) considered
  CROSS JOIN LATERAL (
    SELECT array_agg(v.label ORDER BY e.ordinal) AS chosen
      FROM unnest(m.chosen) WITH ORDINALITY e (id, ordinal)
      JOIN feedback_modelversion v ON v.id = e.id) displayed
  LEFT JOIN LATERAL (
    SELECT CASE WHEN p.choice IN ('tie', 'both_bad') THEN ARRAY[0.5, 0.5]
                WHEN (p.choice = 'a') = (c.version_a_id = m.chosen[1]) THEN ARRAY[1.0, 0.0]
                ELSE ARRAY[0.0, 1.0] END::float8[] AS rewards
      FROM feedback_comparison c JOIN judged p ON p.comparison_id = c.id AND p.rater_id = r.id
     WHERE c.turn_id = m.turn_id AND c.unranked_reason = '' AND cardinality(m.chosen) = 2
       AND ARRAY[c.version_a_id, c.version_b_id] <@ m.chosen
     ORDER BY p.id DESC LIMIT 1) duel ON true
  LEFT JOIN LATERAL (
    SELECT ARRAY[CASE WHEN h.value = '1'::jsonb THEN 1.0 ELSE 0.0 END]::float8[] AS rewards
      FROM thumbed h
     WHERE h.turn_id = m.turn_id AND h.rater_id = r.id AND cardinality(m.chosen) = 1
       AND h.version_id = m.chosen[1] AND h.created_at >= m.created_at
     ORDER BY h.id DESC LIMIT 1) single ON true
 WHERE m.turn_id IN (SELECT c.turn_id FROM judged p JOIN feedback_comparison c
                         ON c.id = p.comparison_id
                      UNION SELECT h.turn_id FROM thumbed h)
 ORDER BY m.id
"""

QUERIES = {
    "prompts": PROMPTS,
    "responses": RESPONSES,
    "preferences": PREFERENCES,
    "consensus": CONSENSUS,
    "outcomes": OUTCOMES,
    "models": MODELS,
    "decisions": DECISIONS,
}

LICENCES = """
SELECT DISTINCT licence FROM (
  SELECT COALESCE(NULLIF(p.licence, ''), g.licence) AS licence
    FROM judged p LEFT JOIN feedback_consentrecord g ON g.id = p.consent_id
  UNION ALL SELECT o.licence FROM feedback_outcome o
    JOIN feedback_turn t ON t.id = o.turn_id AND t.withheld_at IS NULL
) all_licences WHERE licence <> '' ORDER BY licence
"""
