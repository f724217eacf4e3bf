"""What goes into each table of a snapshot, in a fixed order, so that equal pools give equal bytes.

`JUDGED` stands before every statement and names the active judgments that may train. Keys of the
pool are safe here: a snapshot is not published.
"""

JUDGED = """
WITH judged AS NOT MATERIALIZED (
  SELECT p.* FROM feedback_preference p
    LEFT JOIN feedback_consentrecord g ON g.id = p.consent_id
   WHERE p.state = 'active' AND (g.id IS NULL OR 'train' = ANY (g.scope))
)
"""

PROMPTS = """
SELECT t.id::text AS prompt_id, t.messages, t.language,
       CASE WHEN t.messages = '[]' THEN t.question_id ELSE '' END AS question,
       ARRAY(SELECT topic.slug FROM feedback_turn_topics tt
               JOIN feedback_topic topic ON topic.id = tt.topic_id
              WHERE tt.turn_id = t.id ORDER BY topic.slug) AS topics
  FROM feedback_turn t
 WHERE t.id IN (SELECT c.turn_id FROM judged p JOIN feedback_comparison c ON c.id = p.comparison_id)
    OR t.id IN (SELECT o.turn_id FROM feedback_outcome o)
 ORDER BY t.id
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
       p.choice, p.strength, 1.0::float8 AS weight, p.created_at
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
SELECT o.turn_id::text AS prompt_id, v.label AS model, o.score
  FROM feedback_outcome o JOIN feedback_modelversion v ON v.id = o.version_id
 ORDER BY o.id
"""

MODELS = """
SELECT v.label AS model, m.name,
       ARRAY(SELECT topic.slug FROM feedback_languagemodel_topics mt
               JOIN feedback_topic topic ON topic.id = mt.topic_id
              WHERE mt.languagemodel_id = m.id ORDER BY topic.slug) AS topics
  FROM feedback_modelversion v JOIN feedback_languagemodel m ON m.id = v.model_id
 ORDER BY v.label COLLATE "C"
"""

QUERIES = {
    "prompts": PROMPTS,
    "responses": RESPONSES,
    "preferences": PREFERENCES,
    "consensus": CONSENSUS,
    "outcomes": OUTCOMES,
    "models": MODELS,
}

LICENCES = """
SELECT DISTINCT licence FROM (
  SELECT COALESCE(NULLIF(p.licence, ''), g.licence) AS licence
    FROM judged p LEFT JOIN feedback_consentrecord g ON g.id = p.consent_id
  UNION ALL SELECT licence FROM feedback_outcome
) all_licences WHERE licence <> '' ORDER BY licence
"""
