-- What is wrong with a rate; NULL: nothing, or there is none.
CREATE OR REPLACE FUNCTION _rate_problem(rate int, rate_period interval, burst int) RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
  SELECT CASE
    WHEN rate IS NULL THEN NULL
    WHEN num_nulls(rate_period, burst) > 0 THEN 'a rate has a period and a burst'
    WHEN rate NOT BETWEEN 1 AND 1000000 THEN 'a rate must be in 1 ... 1000000'
    WHEN rate_period NOT BETWEEN interval '1 ms' AND interval '100 days' THEN 'the period of a rate must be in 1 ms ... 100 days'
    WHEN rate > extract(epoch FROM rate_period) * 10000 THEN 'a rate must be at most 10000 per second'
    WHEN burst NOT BETWEEN 1 AND 10000 THEN 'a burst must be in 1 ... 10000'
  END
$$;
