'use strict';
// Cumulative distributions, from histograms: within a bucket samples are taken to lie evenly.

function cdfPoints(series, measure) {
  const pool = pooled(series);
  const points = [];
  let below = 0;
  for (const {lower, upper, count} of pool.buckets) {
    const low = Math.min(Math.max(lower, pool.min), pool.max);
    points.push([measure.of(series, low), below / pool.count]);
    below += count;
    points.push([measure.of(series, Math.min(upper, pool.max)), below / pool.count]);
  }
  return points;
}

function addShareAxis(svg, y, left, right) {
  const axis = svg.append('g').attr('class', 'axis');
  const ticks = [0, 0.25, 0.5, 0.75, 0.9, 1];
  axis.selectAll('line').data(ticks).join('line').attr('class', 'grid')
    .attr('x1', left).attr('x2', right).attr('y1', y).attr('y2', y);
  axis.selectAll('text').data(ticks).join('text').attr('x', left - 8).attr('y', y)
    .attr('dy', '0.32em').attr('text-anchor', 'end').text((share) => `${share * 100}${thinSpace}%`);
  svg.append('text').attr('class', 'axis-title').attr('x', left).attr('y', y(1) - 7)
    .text('share of samples');
}

/** One line for each of `series`, which all can be drawn. */
function addCdfs(svg, series, x, y, measure, axis) {
  const line = d3.line().x((point) => x(point[0])).y((point) => y(point[1]));
  addShareAxis(svg, y, x.range()[0], x.range()[1]);
  const lines = svg.append('g').selectAll('path').data(series).join('path')
    .attr('class', 'cdf-line')
    .attr('d', (one) => line(cdfPoints(one, measure)))
    .attr('stroke-dasharray', (one) => dashes[one.result.place % dashes.length]);
  colored(lines, axis, (one) => (axis === null ? one.result.place : axis.placeOf(one)));
  lines.append('title').text((one) => `${one.id}: ${counted(pooled(one).count, 'sample')}`);
  return lines;
}
