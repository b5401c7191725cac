-- What the journal says of a limit: what holds now, and what people have set; NULL: there is none.
CREATE OR REPLACE FUNCTION _limit_brief(limit_name text) RETURNS json
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
  SELECT json_strip_nulls(json_build_object('concurrency', coalesce(r.operator_concurrency, r.concurrency),
    'rate', coalesce(r.operator_rate, r.rate), 'periodSeconds', extract(epoch FROM coalesce(r.operator_rate_period, r.rate_period)),
    'burst', coalesce(r.operator_burst, r.burst), 'paused', r.is_paused,
    'set', num_nonnulls(r.operator_concurrency, r.operator_rate) > 0))
  FROM limit_rule r WHERE r.name = limit_name
$$;
