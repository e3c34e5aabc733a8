'use strict';
// Distributions: a series' repetitions pooled, and percentiles as nestbed has them.

/** Buckets of all repetitions together: [{lower, upper, count}], from the least. */
function pooled(series) {
  if (series.pool) return series.pool;
  const buckets = new Map();
  for (const {histogram} of series.repetitions) {
    (histogram?.counts ?? []).forEach((count, n) => {
      const lower = histogram.lower[n];
      const bucket = buckets.get(lower) ?? {lower, upper: histogram.upper[n], count: 0};
      bucket.count += count;
      buckets.set(lower, bucket);
    });
  }
  const sorted = [...buckets.values()].sort((one, other) => one.lower - other.lower);
  const known = (values) => values.filter((value) => typeof value === 'number');
  series.pool = {
    buckets: sorted,
    count: d3.sum(sorted, (bucket) => bucket.count),
    min: d3.min(known(series.repetitions.map((one) => one.min))) ?? 0,
    max: d3.max(known(series.repetitions.map((one) => one.max))) ?? 0,
  };
  return series.pool;
}

/** Null where there are too few samples for it: of 50, none lies above the 99th percentile. */
function quantile(pool, share) {
  if (pool.count === 0 || pool.count < Math.floor(1 / (1 - share) + 1e-6)) return null;
  const rank = Math.max(1, Math.ceil(share * pool.count - 1e-9));
  let seen = 0;
  for (const {lower, upper, count} of pool.buckets) {
    seen += count;
    if (seen >= rank) {
      const middle = lower + Math.floor((upper - lower + 1) / 2);
      return Math.min(Math.max(middle, pool.min), pool.max);
    }
  }
  return pool.max;
}

const figures = [
  {name: 'min'}, {name: 'p25', share: 0.25}, {name: 'p50', share: 0.5}, {name: 'p75', share: 0.75},
  {name: 'p90', share: 0.9}, {name: 'p99', share: 0.99}, {name: 'p999', share: 0.999}, {name: 'max'},
];

/** A series' "p50" and so on; of one repetition as nestbed has written it. */
function figureOf(series, name) {
  if (series.repetitions.length === 1) return series.repetitions[0][name] ?? null;
  const pool = pooled(series);
  if (name === 'min' || name === 'max') return pool.count === 0 ? null : pool[name];
  return quantile(pool, figures.find((one) => one.name === name).share);
}

/** Why a distribution cannot be drawn, or nothing. */
function whyNotDrawn(series) {
  const {count} = pooled(series);
  if (count === 0) return 'no samples';
  return figureOf(series, 'p75') === null || figureOf(series, 'p25') === null
    ? `${counted(count, 'sample')}, too few for quartiles`
    : '';
}

/** Of few samples each one, as far as its bucket says; null of more. */
function singleSamples(series) {
  const {buckets, count, min, max} = pooled(series);
  if (count === 0 || whyNotDrawn(series) === '') return null;
  return buckets.flatMap(({lower, upper, count: times}) =>
    Array(times).fill(Math.min(Math.max((lower + upper) / 2, min), max)));
}

/** The repetitions' medians, where there are several. */
function mediansOf(series) {
  if (series.repetitions.length < 2) return [];
  return series.repetitions.filter((one) => typeof one.p50 === 'number');
}
