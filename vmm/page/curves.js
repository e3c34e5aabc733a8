'use strict';
// Curves over an axis of powers of two, each named at its end.
//
// A line is {label, color, dash, points: [{x, y, low, high, text, warnings}]}; low and high make a band
// and may be missing.

function curveScales(lines, width, height, left, right) {
  const points = lines.flatMap((line) => line.points);
  const xs = points.map((point) => point.x);
  const x = d3.scaleLog().base(2).domain([d3.min(xs), Math.max(d3.max(xs), d3.min(xs) * 2)])
    .range([left, width - right]);
  const y = logScale(points.flatMap(({y: value, low, high}) => [value, low ?? value, high ?? value]),
    [height - 44, 12]);
  return {x, y};
}

/** Places of labels that do not lie on each other, near to where they belong. */
function spread(places, least) {
  const order = d3.range(places.length).sort((one, other) => places[one] - places[other]);
  const spreadPlaces = [...places];
  order.forEach((which, n) => {
    if (n !== 0) {
      spreadPlaces[which] = Math.max(spreadPlaces[which], spreadPlaces[order[n - 1]] + least);
    }
  });
  return spreadPlaces;
}

function addCurveAxes(svg, x, y, {xTitle, xText, yTitle, yText}) {
  const [left, right] = x.range();
  const [bottom, top] = y.range();
  const powers = d3.range(Math.ceil(Math.log2(x.domain()[0]) - 1e-9),
    Math.floor(Math.log2(x.domain()[1]) + 1e-9) + 1);
  const step = Math.ceil(powers.length / Math.max(2, (right - left) / 52));
  const ticks = powers.filter((power, n) => n % step === 0).map((power) => 2 ** power);
  const horizontal = svg.append('g').attr('class', 'axis');
  horizontal.selectAll('text').data(ticks).join('text').attr('x', x).attr('y', bottom + 16)
    .attr('text-anchor', 'middle').text(xText);
  horizontal.selectAll('line').data(ticks).join('line').attr('class', 'grid')
    .attr('x1', x).attr('x2', x).attr('y1', bottom).attr('y2', bottom + 4);
  const vertical = svg.append('g').attr('class', 'axis');
  const levels = logTicks(y, 36);
  vertical.selectAll('line').data(levels).join('line').attr('class', 'grid')
    .attr('x1', left).attr('x2', right).attr('y1', y).attr('y2', y);
  vertical.selectAll('text').data(levels).join('text').attr('x', left - 8).attr('y', y)
    .attr('dy', '0.32em').attr('text-anchor', 'end').text(yText);
  svg.append('text').attr('class', 'axis-title').attr('x', left).attr('y', 4).attr('dy', '0.4em')
    .text(yTitle);
  addAxisTitle(svg, right, bottom + 34, xTitle);
}

function addCurveMarks(svg, x, y, marks) {
  const [bottom, top] = y.range();
  marks.forEach(({at, text}, n) => {
    const group = svg.append('g').attr('class', 'crossing').attr('transform', `translate(${x(at)},0)`);
    group.append('line').attr('y1', top).attr('y2', bottom);
    const before = x(at) > (x.range()[0] + x.range()[1]) / 2;
    group.append('text').attr('x', before ? -5 : 5).attr('y', top + 10 + 15 * n)
      .attr('text-anchor', before ? 'end' : 'start').text(text);
  });
}

function addCurveLines(svg, lines, x, y) {
  const path = d3.line().x((point) => x(point.x)).y((point) => y(point.y));
  const band = d3.area().x((point) => x(point.x)).y0((point) => y(point.low))
    .y1((point) => y(point.high));
  const groups = svg.append('g').selectAll('g').data(lines).join('g').attr('class', 'curve');
  colored(groups, null, (line) => line.color);
  groups.filter((line) => line.points.every((point) => point.low !== undefined))
    .append('path').attr('class', 'band').attr('d', (line) => band(line.points));
  groups.append('path').attr('class', 'curve-line').attr('d', (line) => path(line.points))
    .attr('stroke-dasharray', (line) => line.dash);
  groups.selectAll('circle').data((line) => line.points).join('circle').attr('class', 'curve-point')
    .attr('cx', (point) => x(point.x)).attr('cy', (point) => y(point.y)).attr('r', 2.6)
    .append('title').text((point) => point.text);
  groups.selectAll('.warned-point')
    .data((line) => line.points.filter((point) => point.warnings.length !== 0))
    .join('text').attr('class', 'warned-point').attr('x', (point) => x(point.x))
    .attr('y', (point) => y(point.y) - 7).attr('text-anchor', 'middle').text('⚠')
    .append('title').text((point) => point.warnings.map(({text}) => text).join('\n'));
}

function addCurveLabels(svg, lines, x, y) {
  const places = spread(lines.map((line) => y(line.points[line.points.length - 1].y)), 14);
  const labels = svg.append('g').selectAll('text').data(lines).join('text')
    .attr('class', 'curve-label').attr('x', x.range()[1] + 8).attr('y', (line, n) => places[n])
    .attr('dy', '0.32em');
  labels.append('tspan').attr('class', 'swatch').text((line) => (line.dash === null ? '━ ' : '╍ '));
  labels.append('tspan').text((line) => line.label);
  colored(labels.select('.swatch'), null, (line) => line.color);
}

function addCurveLegend(box, lines) {
  const entries = box.append('p').attr('class', 'legend').selectAll('span').data(lines).join('span');
  const swatches = entries.append('span').attr('class', 'swatch').attr('aria-hidden', true)
    .text((line) => (line.dash === null ? '━ ' : '╍ '));
  colored(swatches, null, (line) => line.color);
  entries.append('span').text((line) => line.label);
}

/** `plot`: {title, lines, marks, xTitle, xText, yTitle, yText}. */
function drawCurves(box, plot, width) {
  const lines = plot.lines.filter((line) => line.points.length !== 0);
  const wide = width >= 560;
  const right = wide ? (d3.max(lines, (line) => line.label.length) + 3) * 6.8 + 10 : 12;
  const height = Math.max(wide ? 320 : 260, wide ? lines.length * 15 + 60 : 0);
  if (!wide) addCurveLegend(box, lines);
  const svg = addDrawing(box, width, height, plot.title);
  const {x, y} = curveScales(lines, width, height, 62, right);
  addCurveAxes(svg, x, y, plot);
  addCurveMarks(svg, x, y, plot.marks ?? []);
  addCurveLines(svg, lines, x, y);
  if (wide) addCurveLabels(svg, lines, x, y);
}
