-- The same judgments by style too, in `feedback_styletally`, for the same events and in the same
-- transaction: what a ranking with style held equal reads (decision 0013). The names of these
-- triggers come after those of `vote_counts.sql` in the alphabet: PostgreSQL fires them in that
-- order, so the raters are locked by then. Complete texts do not change; one that did would leave
-- its old sums behind.

-- Return how much longer a is than b, in [-1, 1]; `more` damps small numbers.
CREATE OR REPLACE FUNCTION feedback_relative(a int, b int, more int) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN a + b + more = 0 THEN 0 ELSE (a - b)::float8 / (a + b + more) END
$$;

-- `feedback_counted` with the relative differences of the two texts, low less high, and the cell
-- of style (three of length times three of layout). Without texts the cell is empty and nothing
-- differs.
CREATE OR REPLACE VIEW feedback_styled AS
SELECT k.*, COALESCE(f.length, 0) AS length, COALESCE(f.headers, 0) AS headers,
       COALESCE(f.bold, 0) AS bold, COALESCE(f.lists, 0) AS lists,
       3 * width_bucket(f.length, ARRAY[-0.25, 0.25]::float8[])
         + width_bucket((f.headers + f.bold + f.lists) / 3, ARRAY[-0.25, 0.25]::float8[]) AS cell
  FROM feedback_counted k
  JOIN feedback_comparison c ON c.id = k.comparison_id
  LEFT JOIN feedback_response l ON l.id =
    CASE WHEN c.version_a_id = k.version_low_id THEN c.response_a_id ELSE c.response_b_id END
  LEFT JOIN feedback_response h ON h.id =
    CASE WHEN c.version_a_id = k.version_low_id THEN c.response_b_id ELSE c.response_a_id END
 CROSS JOIN LATERAL (
   SELECT feedback_relative(l.style[1], h.style[1], 0) AS length,
          feedback_relative(l.style[2], h.style[2], 1) AS headers,
          feedback_relative(l.style[3], h.style[3], 1) AS bold,
          feedback_relative(l.style[4], h.style[4], 1) AS lists
 ) f;

-- The judgments that rankings count (no answers to gold items), with their rater's weight.
CREATE OR REPLACE VIEW feedback_ranked_judgment AS
SELECT p.id, p.rater_id, p.comparison_id, p.campaign_id, p.state, r.weight
  FROM feedback_preference p JOIN feedback_rater r ON r.id = p.rater_id
 WHERE NOT EXISTS (SELECT FROM feedback_golditem g
    WHERE g.comparison_id = p.comparison_id AND g.campaign_id = p.campaign_id);

-- Add to the counts, the weights, their squares, and the 14 moments: the weighted sums of the four
-- differences and of their ten products.
CREATE OR REPLACE FUNCTION feedback_style_add(
  judged uuid[], ns int[], weights float8[], squares float8[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO feedback_styletally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, cell, n, weight, square,
     moments)
  SELECT s.version_low_id, s.version_high_id, s.outcome, r.kind, s.topic_id, s.cell,
         sum(j.n), sum(j.weight), sum(j.square), ARRAY[
           sum(j.weight * s.length), sum(j.weight * s.headers),
           sum(j.weight * s.bold), sum(j.weight * s.lists),
           sum(j.weight * s.length * s.length), sum(j.weight * s.length * s.headers),
           sum(j.weight * s.length * s.bold), sum(j.weight * s.length * s.lists),
           sum(j.weight * s.headers * s.headers), sum(j.weight * s.headers * s.bold),
           sum(j.weight * s.headers * s.lists),
           sum(j.weight * s.bold * s.bold), sum(j.weight * s.bold * s.lists),
           sum(j.weight * s.lists * s.lists)]
    FROM unnest(judged, ns, weights, squares) AS j (id, n, weight, square)
    JOIN feedback_styled s ON s.id = j.id
    JOIN feedback_rater r ON r.id = s.rater_id
   GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(j.n) <> 0 OR sum(j.weight) <> 0;
$$;

CREATE OR REPLACE FUNCTION feedback_style_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_style_add(array_agg(j.id), array_agg(1), array_agg(j.weight),
                             array_agg(j.weight * j.weight))
     FROM added a JOIN feedback_ranked_judgment j ON j.id = a.id WHERE a.state = 'active';
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_style_insert AFTER INSERT ON feedback_preference
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_style_insert();

CREATE OR REPLACE FUNCTION feedback_style_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_style_add(array_agg(j.id), array_agg(d.sign), array_agg(d.sign * j.weight),
                             array_agg(d.sign * j.weight * j.weight))
     FROM added n JOIN removed o ON o.id = n.id
     JOIN feedback_ranked_judgment j ON j.id = n.id
    CROSS JOIN LATERAL (SELECT CASE n.state WHEN 'active' THEN 1 ELSE -1 END AS sign) d
    WHERE (n.state = 'active') <> (o.state = 'active');
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_style_update AFTER UPDATE ON feedback_preference
  REFERENCING OLD TABLE AS removed NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_style_update();

CREATE OR REPLACE FUNCTION feedback_style_reweigh() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_style_add(array_agg(j.id), array_agg(0), array_agg(NEW.weight - OLD.weight),
                             array_agg(NEW.weight * NEW.weight - OLD.weight * OLD.weight))
     FROM feedback_ranked_judgment j WHERE j.rater_id = NEW.id AND j.state = 'active';
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_style_weight AFTER UPDATE OF weight ON feedback_rater
  FOR EACH ROW WHEN (NEW.weight <> OLD.weight) EXECUTE FUNCTION feedback_style_reweigh();

CREATE OR REPLACE FUNCTION feedback_style_gold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gold feedback_golditem := COALESCE(NEW, OLD);
  sign int := CASE TG_OP WHEN 'INSERT' THEN -1 ELSE 1 END;
BEGIN
  PERFORM feedback_style_add(array_agg(p.id), array_agg(sign), array_agg(sign * r.weight),
                             array_agg(sign * r.weight * r.weight))
     FROM feedback_preference p JOIN feedback_rater r ON r.id = p.rater_id
    WHERE p.comparison_id = gold.comparison_id AND p.campaign_id = gold.campaign_id
      AND p.state = 'active';
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_style_gold AFTER INSERT OR DELETE ON feedback_golditem
  FOR EACH ROW EXECUTE FUNCTION feedback_style_gold();
